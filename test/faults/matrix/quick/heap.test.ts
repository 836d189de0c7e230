/** A process whose heap cannot hold what L1 was given. */
import { afterEach, expect } from 'vitest';
import { Child } from '../child.js';
import { row } from '../row.js';

const MIB = 1024 ** 2;
const HEAP_MIB = 96;
/** 4 KiB each: three times the heap. */
const ENTRIES = 80_000;

interface Filled {
  readonly state: string;
  readonly reason: string;
  readonly entries: number;
  readonly bytes: number;
  readonly evictions: number;
  readonly wrong: number;
  readonly rss: number;
  readonly most: number;
  readonly ms: number;
  readonly kept: boolean;
  readonly serves: boolean;
  readonly states: readonly string[];
}

afterEach(() => Child.endAll());

for (const { how, pauseEvery } of [
  { how: 'request after request', pauseEvery: 1_000 },
  { how: 'in a loop that lets no timer run', pauseEvery: 0 },
])
  row(
    34,
    {
      fault: `heap of ${HEAP_MIB} MiB, L1 is filled with ${Math.round((ENTRIES * 4) / 1024)} MiB, ${how}`,
      expected: 'L1 shrinks by bytes, the oldest first; no OOM, no wrong value, it goes on serving',
    },
    async (figures) => {
      const flags = [`--max-old-space-size=${HEAP_MIB}`];
      const child = new Child('fill.mjs', { entries: ENTRIES, pauseEvery }, flags);
      const seen = await child.said<Filled>();
      expect(await child.ended).toMatchObject({ code: 0, signal: null });
      figures.bytes('most in L1', seen.most, HEAP_MIB * MIB);
      figures.bytes('in L1 at the end', seen.bytes);
      figures.bytes('RSS', seen.rss);
      figures.count('evictions', seen.evictions);
      figures.ms('took', seen.ms);
      figures.count('wrong values', seen.wrong, 0);
      expect(seen.entries + seen.evictions).toBe(ENTRIES);
      expect(seen.evictions).toBeGreaterThan(ENTRIES / 2);
      expect(seen).toMatchObject({
        state: 'degraded',
        reason: expect.stringContaining('heap') as string,
        kept: true,
        serves: true,
        states: ['l1 degraded'],
      });
    },
  );
