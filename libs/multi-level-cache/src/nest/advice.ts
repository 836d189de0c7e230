/** What an operator should know of a configuration that works, told once at boot. */
import type { ResolvedOptions } from '../core/options.js';
import type { Tier } from '../core/tier.js';

/** One line each; none = nothing to say. */
export function adviceOn(
  tiers: readonly Tier[],
  { defaults: { consistency }, l3: given }: Pick<ResolvedOptions, 'defaults' | 'l3'>,
): readonly string[] {
  const [l1, l2, l3] = (['l1', 'l2', 'l3'] as const).map((name) =>
    tiers.some((tier) => tier.name === name),
  );
  if (!l1 || l2 || consistency === 'local') return [];
  const pooled = given !== false && given.poolerMode;
  if (l3 && !pooled) return [];
  const shape = l3
    ? 'l1 without l2, and l3 behind a pooler, through which nobody can listen'
    : 'l1 without l2';
  const until = l3 ? 'until their l1.ttl' : 'until the end of its ttl';
  const cure = l3 ? 'turn l2 on, give l3 a direct connection without poolerMode' : 'turn l2 on';
  return [
    `${shape}: no instance hears of what others change, and their memory keeps it ${until}; ` +
      `${cure}, or say consistency: 'local' if there is one instance, or if that is right`,
  ];
}
