/** Everybody wants the same cold keys at once. */
import { afterEach, expect } from 'vitest';
import { closeCaches, testCache, type Gates } from '../../../support/cache.js';
import { databaseUrl, freshNamespace, redisUrl } from '../../../support/servers.js';
import { row } from '../row.js';

const KEYS = 1_000;
const INSTANCES = 8;
const LOAD_MS = 20;
const LEASE_MS = 2_000;
/** More than the machine can do in the usual ones: leases are looked at here, not breakers. */
const BUDGET_MS = 10_000;

afterEach(closeCaches);

/** What became of leases, by key. */
class Leases {
  readonly lost = new Map<string, number>();
  /** Neither stored nor lost: a lease that was none. */
  refused = 0;
  failed = 0;

  /** Watches what one instance asks of L2. */
  watch(gates: Gates): void {
    const granted = new Map<string, number>();
    const [ticket, fill] = [gates.ticket.bind(gates), gates.fill.bind(gates)];
    gates.ticket = async (address, ...rest) => {
      const asked = performance.now();
      try {
        const reply = await ticket(address, ...rest);
        if (reply.kind === 'granted') granted.set(address.key, asked);
        return reply;
      } catch (error) {
        this.failed++;
        throw error;
      }
    };
    gates.fill = async (address, ...rest) => {
      const stored = await fill(address, ...rest);
      const { key } = address;
      if (!stored && performance.now() - granted.get(key)! < LEASE_MS) this.refused++;
      else if (!stored) this.lost.set(key, (this.lost.get(key) ?? 0) + 1);
      return stored;
    };
  }
}

for (const { tiers, database } of [
  { tiers: 'L1+L2', database: () => undefined },
  { tiers: 'L1+L2+L3', database: () => databaseUrl() },
])
  row(
    37,
    {
      fault: `${INSTANCES} instances ask for ${KEYS} cold keys at once, ${tiers}`,
      expected: 'loads per key at most 1 + lost leases',
    },
    async (figures) => {
      const options = { namespace: freshNamespace(), redis: redisUrl(), database: database() };
      const instances = await Promise.all(
        Array.from({ length: INSTANCES }, () => testCache({ ...options, budget: BUDGET_MS })),
      );
      const leases = new Leases();
      for (const { l2 } of instances) leases.watch(l2!);
      const loads = new Map<string, number>();
      const times: number[] = [];
      let wrong = 0;
      const asked = instances.flatMap(({ cache }) =>
        Array.from({ length: KEYS }, async (_zero, at) => {
          const began = performance.now();
          const value = await cache.getOrSet(`cold:${at}`, async (key) => {
            loads.set(key, (loads.get(key) ?? 0) + 1);
            await new Promise((resolve) => setTimeout(resolve, LOAD_MS));
            return at;
          });
          if (value !== at) wrong++;
          times.push(performance.now() - began);
        }),
      );
      const failed = (await Promise.allSettled(asked)).filter(
        ({ status }) => status === 'rejected',
      ).length;
      const over = [...loads].filter(([key, n]) => n > 1 + (leases.lost.get(key) ?? 0));
      const sum = (all: Iterable<number>): number => [...all].reduce((one, two) => one + two, 0);
      figures.count('most loads of a key', Math.max(...loads.values()));
      figures.count('loads', sum(loads.values()));
      figures.count('lost leases', sum(leases.lost.values()));
      figures.count('keys loaded more often than 1 + lost leases', over.length, 0);
      figures.count('loads under no lease', leases.refused + leases.failed, 0);
      const p99 = times.toSorted((a, b) => a - b)[Math.floor(times.length * 0.99)];
      figures.ms('p99', p99);
      figures.count('wrong values', wrong, 0);
      figures.count('failed requests', failed, 0);
      expect(loads.size).toBe(KEYS);
    },
  );
