// A restart in the middle of a trace: which share of the misses that follow an empty start is avoided if the keys hottest until
// then are in L1. Whoever is asked for is counted by the access record, which also says what is hottest; nothing expires.
import { createEntry } from '../../libs/multi-level-cache/dist/core/entry.js';
import { Address, Scope } from '../../libs/multi-level-cache/dist/core/key.js';
import { MemoryTier } from '../../libs/multi-level-cache/dist/tiers/memory/memory-tier.js';
import { AccessRecord } from '../../libs/multi-level-cache/dist/warming/access-record.js';

/** Shares of the keys of a trace that are filled in. */
const FILLED = [0.01, 0.05, 0.1, 0.25];
/** Where the process is started anew, in shares of the requests. */
const CUTS = [0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9];
/** The start: so large a share of the requests. */
const SPAN = 0.02;

const SCOPE = new Scope('bench', 'p', 'default');

/** For each of `FILLED` the share of the misses that is avoided, over all starts. */
export function restart({ keys, times }) {
  const record = new AccessRecord();
  const all = new Set(keys).size;
  const span = Math.max(1, Math.floor(keys.length * SPAN));
  const misses = { empty: 0, filled: FILLED.map(() => 0) };
  let at = 0;
  for (const cut of CUTS.map((share) => Math.floor(keys.length * share))) {
    for (; at < cut; at++) record.asked(refOf(keys[at]), 1, times[at]);
    const next = keys.slice(cut, cut + span);
    misses.empty += missesOf(next, []);
    FILLED.forEach((share, index) => {
      const hot = finished(record.hottest(times[cut], Math.round(share * all)));
      const names = hot.map(([ref]) => ref.key);
      misses.filled[index] += missesOf(next, names);
    });
  }
  return FILLED.map((filled, index) => ({
    filled,
    misses: misses.empty,
    avoided: round((misses.empty - misses.filled[index]) / misses.empty),
  }));
}

function missesOf(requests, filled) {
  const clock = { now: () => 0, coarse: () => 0, after: () => ({ cancel: () => undefined }) };
  const bounds = { maxEntries: 10_000_000, maxSize: 2 ** 40, keepStale: false };
  const l1 = new MemoryTier(bounds, clock, () => ({ used: 0, limit: 2 ** 40 }));
  const partition = l1.partition(SCOPE);
  const store = (key) => {
    const entry = createEntry(1, { ttl: 1_000, grace: 0, tags: [] }, 0, 1, false);
    void l1.apply({ kind: 'set', addresses: [new Address(SCOPE, key)], entries: [entry] });
  };
  for (const key of filled) store(key);
  let misses = 0;
  for (const key of requests) {
    if (l1.hit(partition, key) !== 0) continue;
    misses++;
    store(key);
  }
  return misses;
}

const round = (number) => Math.round(number * 1e4) / 1e4;
const refOf = (key) => ({ tenant: SCOPE.tenant, cache: SCOPE.cache, key });

function finished(steps) {
  for (;;) {
    const { done, value } = steps.next();
    if (done) return value;
  }
}
