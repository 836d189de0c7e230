/** What an operator should know of a configuration that works, told once at boot. */
import type { ResolvedOptions } from '../core/options.js';

/** One line each; none = nothing to say. */
export function adviceOn({ l1, l2, l3, defaults }: ResolvedOptions): readonly string[] {
  const advice: string[] = [];
  if (l1 && !l2 && defaults.consistency !== 'local') {
    const until = l3 ? 'until their l1.ttl' : 'until the end of its ttl';
    advice.push(
      `l1 without l2: no instance hears of what others change, and their memory keeps it ${until}; ` +
        "turn l2 on, or say consistency: 'local' if there is one instance, or if that is right",
    );
  }
  return advice;
}
