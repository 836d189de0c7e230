/** What an operator should know of a configuration that works, as far as this process can tell without asking a server. */
import { getHeapStatistics } from 'node:v8';
import type { Advice } from '../core/inspection.js';
import type { ResolvedOptions } from '../core/options.js';
import type { Tier } from '../core/tier.js';
import { adviceOnTransport } from './transport-advice.js';

/** Above this share of the heap memory is taken back under pressure sooner than it is filled. */
const MOST_OF_HEAP = 0.5;

/** One of each kind; none = nothing to say. */
export function ownAdvice(
  tiers: readonly Tier[],
  options: Pick<ResolvedOptions, 'defaults' | 'l1' | 'l2' | 'l3'>,
  heapLimit = getHeapStatistics().heap_size_limit,
): readonly Advice[] {
  return [
    ...onNothing(tiers),
    ...onUnheard(tiers, options),
    ...onHeap(tiers, options, heapLimit),
    ...adviceOnTransport(options),
  ];
}

function onNothing(tiers: readonly Tier[]): Advice[] {
  if (tiers.length > 0) return [];
  return [
    {
      about: 'cache',
      code: 'nothing-cached',
      says: 'every tier is off: nothing is cached; turn l1, l2 or l3 on',
    },
  ];
}

function onUnheard(
  tiers: readonly Tier[],
  { defaults: { consistency }, l3: given }: Pick<ResolvedOptions, 'defaults' | 'l3'>,
): Advice[] {
  const [l1, l2, l3] = (['l1', 'l2', 'l3'] as const).map((name) => has(tiers, name));
  if (!l1 || l2 || consistency === 'local') return [];
  const pooled = given !== false && given.poolerMode;
  if (l3 && !pooled) return [];
  const shape = l3
    ? 'l1 without l2, and l3 behind a pooler, through which nobody can listen'
    : 'l1 without l2';
  const until = l3 ? 'until their l1.ttl' : 'until the end of its ttl';
  const cure = l3 ? 'turn l2 on, give l3 a direct connection without poolerMode' : 'turn l2 on';
  const says =
    `${shape}: no instance hears of what others change, and their memory keeps it ${until}; ` +
    `${cure}, or say consistency: 'local' if there is one instance, or if that is right`;
  return [{ about: 'l1', code: 'l1-unheard', says }];
}

function onHeap(
  tiers: readonly Tier[],
  { l1 }: Pick<ResolvedOptions, 'l1'>,
  heapLimit: number,
): Advice[] {
  if (!l1 || !has(tiers, 'l1') || l1.maxSize <= heapLimit * MOST_OF_HEAP) return [];
  return [
    {
      about: 'l1',
      code: 'l1-larger-than-heap',
      says: 'l1.maxSize is more than half of what the heap of this process may be, and memory is given back before it is full; lower it, or raise --max-old-space-size',
    },
  ];
}

function has(tiers: readonly Tier[], name: Tier['name']): boolean {
  return tiers.some((tier) => tier.name === name);
}
