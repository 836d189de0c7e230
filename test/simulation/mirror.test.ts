/** Scripts and statements are mirrored by the simulated stores: whatever is done to both, they and the real ones give the same answers. */
import fc from 'fast-check';
import type { Pool } from 'pg';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { SystemClock, type Clock } from '../../libs/multi-level-cache/src/core/clock.js';
import { createEntry } from '../../libs/multi-level-cache/src/core/entry.js';
import { Address, Scope } from '../../libs/multi-level-cache/src/core/key.js';
import type { Change, Ticket, Tier, TierRead } from '../../libs/multi-level-cache/src/core/tier.js';
import { DatabaseTier } from '../../libs/multi-level-cache/src/tiers/database/database-tier.js';
import { RedisTier } from '../../libs/multi-level-cache/src/tiers/redis/redis-tier.js';
import { L3 } from '../support/options.js';
import { databaseUrl, freshNamespace, redisUrl } from '../support/servers.js';
import { DatabaseServer } from './database-client.js';
import { DatabaseStore } from './database-store.js';
import { clientTo } from './instance.js';
import { RedisServer } from './redis-client.js';
import { RedisStore } from './redis-store.js';
import { seeded } from '../support/random.mjs';
import { ProcessClock, Schedule } from './schedule.js';

const RUNS = 150;
const LONG_MS = 3_600_000;
const STREAM_LENGTH = 10_000;
const WALL = 1_700_000_000_000;
/** Two processes, whose steps cross. */
const PROCESSES = 2;

interface Process {
  readonly tier: Tier;
  readonly clock: Clock;
  /** Changes of the others. */
  heard: number;
}

/** Two processes over one store, and how a step of theirs comes to its end. */
interface Side {
  readonly namespace: string;
  readonly processes: readonly Process[];
  drive<T>(work: () => Promise<T>): Promise<T>;
}

type Step = typeof STEP extends fc.Arbitrary<infer T> ? T : never;
const KEYS = ['a', 'b', 'c'];
const TAGS = ['t', 'u'];
const key = fc.constantFrom(...KEYS);
const keys = fc.uniqueArray(key, { minLength: 1 });
const tags = fc.uniqueArray(fc.constantFrom(...TAGS));
const value = fc.nat(99);
const id = fc.constantFrom('g', 'h');
const STEP = fc.record({
  by: fc.nat(PROCESSES - 1),
  what: fc.oneof(
    fc.record({ do: fc.constant('read' as const), key }),
    fc.record({ do: fc.constant('ticket' as const), key, tags }),
    fc.record({ do: fc.constant('fill' as const), key, value, tags }),
    fc.record({ do: fc.constantFrom('release' as const, 'renew' as const), key }),
    fc.record({
      do: fc.constantFrom('delete' as const, 'expire' as const),
      keys,
      owed: fc.boolean(),
    }),
    fc.record({ do: fc.constant('set' as const), keys, value, tags }),
    fc.record({ do: fc.constant('touch' as const), key }),
    fc.record({ do: fc.constant('tags' as const), tags, soft: fc.boolean() }),
    fc.record({ do: fc.constantFrom('guard' as const, 'unguard' as const), keys, id }),
    fc.record({ do: fc.constant('owe' as const), keys, due: fc.boolean() }),
    fc.record({ do: fc.constantFrom('debts' as const, 'claim' as const), strike: fc.boolean() }),
  ),
});

/** What one side answers, step by step. */
async function play(side: Side, tenant: string, steps: readonly Step[]): Promise<unknown[]> {
  const answers: unknown[] = [];
  const seen = new Map<string, TierRead>();
  const tickets = new Map<string, Ticket>();
  const owed: string[] = [];
  const nameDebt = (): string => {
    owed.push(`${tenant}:${String(answers.length).padStart(3, '0')}`);
    return owed.at(-1)!;
  };
  const scope = new Scope(side.namespace, tenant, 'c');
  const at = (name: string): Address => new Address(scope, name);
  for (const { by, what } of steps) {
    const { tier, clock } = side.processes[by];
    const entry = (given: number, tagged: string[]) =>
      createEntry(given, { ttl: LONG_MS, grace: LONG_MS, tags: tagged }, clock.now(), 0, true);
    const apply = async (change: Change, debt?: string): Promise<string> => {
      const others = side.processes.filter((_one, index) => index !== by);
      const before = others.map(({ heard }) => heard);
      await tier.apply(change, { debt });
      // What a process has not heard yet is another thing; here is asked what it does with what it knows.
      while (tier.name === 'l2' && others.some(({ heard }, index) => heard === before[index]))
        await new Promise((resolve) => setImmediate(resolve));
      return 'done';
    };
    answers.push(
      await side.drive(async () => {
        switch (what.do) {
          case 'read': {
            const read = await tier.read(at(what.key));
            seen.set(what.key + by, read);
            return told(read);
          }
          case 'ticket': {
            const read = seen.get(what.key + by) ?? { state: 'absent' };
            const reply = await tier.ticket(at(what.key), read, what.tags);
            if (reply.kind === 'granted') tickets.set(what.key + by, reply.ticket);
            return reply.kind === 'found' ? told(reply.read) : reply.kind;
          }
          case 'fill': {
            const ticket = tickets.get(what.key + by);
            return ticket && tier.fill(at(what.key), entry(what.value, what.tags), ticket);
          }
          case 'release':
          case 'renew': {
            const ticket = tickets.get(what.key + by);
            return ticket && tier[what.do]?.(at(what.key), ticket);
          }
          case 'delete':
          case 'expire': {
            const debt = what.owed && tier.name === 'l2' ? nameDebt() : undefined;
            return apply({ kind: what.do, addresses: what.keys.map(at) }, debt);
          }
          case 'set': {
            const entries = what.keys.map(() => entry(what.value, what.tags));
            return apply({ kind: 'set', addresses: what.keys.map(at), entries });
          }
          case 'touch':
            return apply({ kind: 'touch', addresses: [at(what.key)], ms: LONG_MS });
          case 'tags':
            return (
              what.tags.length > 0 &&
              apply({ kind: 'tags', tenant: scope.tenant, tags: what.tags, soft: what.soft })
            );
          case 'guard':
            return apply({ kind: 'guard', addresses: what.keys.map(at), id: what.id, ms: LONG_MS });
          case 'unguard':
            return apply({ kind: 'unguard', addresses: what.keys.map(at), id: what.id });
          case 'owe': {
            const change: Change = { kind: 'delete', addresses: what.keys.map(at) };
            return tier.book?.owe?.(nameDebt(), change, what.due ? 0 : undefined);
          }
          default: {
            const debts = (await tier.book?.[what.do]?.()) ?? [];
            if (what.strike && debts.length > 0)
              await tier.book?.strike(debts.map((debt) => debt.id));
            return [...debts].sort((one, other) => (one.id < other.id ? -1 : 1));
          }
        }
      }),
    );
  }
  const names = owed.flatMap((name) => [name, `${name}.0`]);
  if (names.length > 0) await side.drive(async () => side.processes[0].tier.book?.strike(names));
  return answers;
}

function told({ state, entry, guarded }: TierRead): unknown {
  return { state, value: entry?.value, tags: entry?.tags, guarded };
}

async function processes(
  count: number,
  make: (clock: Clock) => Tier,
  clockOf: () => Clock,
  drive: Side['drive'],
): Promise<readonly Process[]> {
  return Promise.all(
    Array.from({ length: count }, async () => {
      const clock = clockOf();
      const process: Process = { tier: make(clock), clock, heard: 0 };
      const listener = {
        changed: () => void process.heard++,
        lost: () => undefined,
        state: () => undefined,
      };
      await drive(() => process.tier.open(listener));
      expect(process.tier.status().state).toBe('up');
      return process;
    }),
  );
}

const atOnce: Side['drive'] = (work) => work();

async function real(tier: 'redis' | 'database'): Promise<Side> {
  const namespace = freshNamespace();
  const make = (clock: Clock): Tier =>
    tier === 'redis'
      ? new RedisTier({ url: redisUrl(), budget: 1_000 }, { namespace, clock })
      : new DatabaseTier({ ...L3, url: databaseUrl(), poolSize: 1 }, { namespace, clock });
  return {
    namespace,
    processes: await processes(PROCESSES, make, () => new SystemClock(), atOnce),
    drive: atOnce,
  };
}

async function simulated(tier: 'redis' | 'database'): Promise<Side> {
  const random = seeded(1);
  const schedule = new Schedule(random);
  const time = (): number => WALL + schedule.now;
  const latency = (): number => 0.1;
  const redis = new RedisServer(
    schedule,
    new RedisStore(time, STREAM_LENGTH, () => undefined),
    latency,
  );
  const database = new DatabaseServer(schedule, new DatabaseStore(schedule, time), latency);
  const way = { closed: false, slow: 1 };
  const namespace = freshNamespace();
  const make = (clock: Clock): Tier =>
    tier === 'redis'
      ? new RedisTier({ client: clientTo(redis, way), budget: 1_000 }, { namespace, clock, random })
      : new DatabaseTier(
          { ...L3, migrate: false },
          { namespace, clock, random, pool: () => database.pool(way) as unknown as Pool },
        );
  /** Time passes while there is something to wait for. */
  const drive: Side['drive'] = async (work) => {
    let running = true;
    const promise = work().finally(() => (running = false));
    promise.catch(() => undefined);
    while (running) await schedule.runUntil(schedule.now + 0.1);
    return promise;
  };
  return {
    namespace,
    processes: await processes(PROCESSES, make, () => new ProcessClock(schedule, 0), drive),
    drive,
  };
}

describe.each(['redis', 'database'] as const)('%s', (tier) => {
  let sides: readonly Side[];
  beforeAll(async () => {
    sides = [await real(tier), await simulated(tier)];
  });
  afterAll(async () => {
    for (const side of sides)
      for (const process of side.processes) await side.drive(() => process.tier.close());
  });

  it(`${RUNS} times two processes with up to 40 steps`, { timeout: 120_000 }, async () => {
    let tenants = 0;
    await fc.assert(
      fc.asyncProperty(fc.array(STEP, { minLength: 10, maxLength: 40 }), async (steps) => {
        const tenant = `t:${tenants++}`;
        const [is, mirrored] = [
          await play(sides[0], tenant, steps),
          await play(sides[1], tenant, steps),
        ];
        expect(mirrored).toEqual(is);
      }),
      { numRuns: RUNS, seed: 1 },
    );
  });
});
