/** What an operator should know of a configuration that works, told once at boot. */
import type { ResolvedOptions } from '../core/options.js';
import type { Tier } from '../core/tier.js';

/** One line each; none = nothing to say. */
export function adviceOn(
  tiers: readonly Tier[],
  { consistency }: ResolvedOptions['defaults'],
): readonly string[] {
  const [l1, l2, l3] = (['l1', 'l2', 'l3'] as const).map((name) =>
    tiers.some((tier) => tier.name === name),
  );
  if (!l1 || l2 || consistency === 'local') return [];
  const until = l3 ? 'until their l1.ttl' : 'until the end of its ttl';
  return [
    `l1 without l2: no instance hears of what others change, and their memory keeps it ${until}; ` +
      "turn l2 on, or say consistency: 'local' if there is one instance, or if that is right",
  ];
}
