/** Rules of strong reads. */
import type { Rule } from './rule.js';

export const STRONG_RULES: readonly Rule[] = [
  {
    name: 'strong: the store is asked for numbers',
    file: 'tiers/redis/redis-tier.ts',
    find: 'await this.#tags.refresh(address, read.entry.tags);',
    replace: '',
    faults: [],
  },
  {
    name: 'strong: memory does not answer',
    file: 'manager/cache.ts',
    find: "if (consistency === 'strong' || tiers",
    replace: 'if (tiers',
    faults: [],
  },
  {
    name: 'strong: a load that runs is not joined',
    file: 'manager/read-path.ts',
    find: 'isStrong(life) ? undefined : flights.find(address, variantOf(life))',
    replace: 'flights.find(address, variantOf(life))',
    faults: [],
  },
];
