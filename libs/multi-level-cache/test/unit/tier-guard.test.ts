/** TierGuard over a tier that answers as told: what is asked of it, what is not, and what it says of itself. */
import { beforeEach, describe, expect, it } from 'vitest';
import { createEntry } from '../../src/core/entry.js';
import { CacheError } from '../../src/core/errors.js';
import { Address, Scope } from '../../src/core/key.js';
import type {
  HeardMany,
  MaybePromise,
  Ticket,
  TicketReply,
  Tier,
  TierRead,
  TierStatus,
  Trouble,
} from '../../src/core/tier.js';
import { Background } from '../../src/manager/background.js';
import { TierGuard } from '../../src/manager/tier-guard.js';
import { FakeClock } from '../../src/testing/fake-clock.js';
import { guardOptions } from './guard-options.js';

const BUDGET = 20;
const SCOPE = new Scope('app', 'p', 'c', { groups: [], types: new Map() });
const ABSENT: TierRead = { state: 'absent' };
const TICKET: Ticket = { tier: 'l2' };
const REFUSED = new Error('refused');
const NEVER = new Promise<never>(() => undefined);

const at = (key: string): Address => new Address(SCOPE, key);

/** Two parts: keys that begin with `b`, and the others. */
class Scripted implements Tier {
  readonly name = 'l2';
  readonly asked: string[] = [];
  readonly released: string[] = [];
  state: TierStatus['state'] = 'up';
  onRead: (key: string) => MaybePromise<TierRead> = () => Promise.resolve(ABSENT);
  onTicket: () => MaybePromise<TicketReply> = () =>
    Promise.resolve({ kind: 'granted', ticket: TICKET });
  onFill: () => Promise<boolean> = () => Promise.resolve(true);

  open(): Promise<void> {
    return Promise.resolve();
  }
  close(): Promise<void> {
    return Promise.resolve();
  }
  read({ key }: Address): MaybePromise<TierRead> {
    this.asked.push(key);
    return this.onRead(key);
  }
  ticket(): MaybePromise<TicketReply> {
    return this.onTicket();
  }
  fill(): Promise<boolean> {
    return this.onFill();
  }
  release({ key }: Address): boolean {
    this.released.push(key);
    return true;
  }
  apply(): Promise<void> {
    return Promise.resolve();
  }
  partOf({ key }: Address): string {
    return key.startsWith('b') ? 'b' : 'a';
  }
  troubleOf(error: unknown): Trouble {
    return error === REFUSED ? { reason: 'refusing', config: true } : { reason: 'unheard of' };
  }
  status(): TierStatus {
    return { state: this.state, entries: 0, bytes: 0, evictions: 0, corrupt: 0 };
  }
}

let clock: FakeClock;
let tier: Scripted;
let guard: TierGuard;
let told: boolean[];

beforeEach(() => {
  clock = new FakeClock();
  tier = new Scripted();
  told = [];
  const options = guardOptions(BUDGET, (ill) => told.push(ill));
  guard = new TierGuard(tier, clock, new Background(clock), options);
});

const settled = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

/** Reads of a tier that does not answer in time. */
async function late(...keys: readonly string[]): Promise<void> {
  tier.onRead = () => NEVER;
  const reads = keys.map((key) => guard.read(at(key)));
  clock.advance(BUDGET);
  expect(await Promise.all(reads)).toEqual(keys.map(() => undefined));
}

const fill = async (key: string): Promise<boolean | undefined> => {
  const entry = createEntry(1, { ttl: 1_000, grace: 0, tags: [] }, clock.now(), 1, true);
  return (await guard.fill(at(key), entry, TICKET)) as boolean | undefined;
};

describe('a tier that is late', () => {
  beforeEach(() => late('k1', 'k2', 'k3', 'k4', 'k5'));

  it('is asked no more, and is told to be degraded', async () => {
    tier.asked.length = 0;
    expect(await guard.read(at('k6'))).toBeUndefined();
    expect(await guard.ticket(at('k6'), ABSENT)).toEqual({ kind: 'none' });
    expect(tier.asked).toEqual([]);
    expect(guard.status()).toMatchObject({ state: 'degraded', reason: 'too slow to be asked' });
    expect(told).toEqual([true]);
  });

  it('is read for its other keys where they are elsewhere', async () => {
    tier.onRead = () => Promise.resolve(ABSENT);
    expect(await guard.read(at('b1'))).toBe(ABSENT);
  });

  it('is found well by a read of the key that failed last, for nobody', async () => {
    tier.asked.length = 0;
    clock.advance(250);
    expect(tier.asked).toEqual(['k5']);
    clock.advance(BUDGET);
    await settled();
    expect(guard.status().state).toBe('degraded');
    tier.onRead = () => Promise.resolve(ABSENT);
    clock.advance(500);
    await settled();
    expect(guard.status().state).toBe('up');
    expect(await guard.read(at('k6'))).toBe(ABSENT);
    expect(told).toEqual([true, false]);
  });

  it('begins anew when it went away or came back', async () => {
    guard.parts.anew();
    tier.onRead = () => Promise.resolve(ABSENT);
    expect(await guard.read(at('k6'))).toBe(ABSENT);
  });
});

it('a store that is known to be away is not judged: it says so by itself', async () => {
  tier.state = 'down';
  await late('k1', 'k2', 'k3', 'k4', 'k5', 'k6');
  tier.state = 'up';
  tier.onRead = () => Promise.resolve(ABSENT);
  expect(await guard.read(at('k7'))).toBe(ABSENT);
});

describe('a tier that takes no fills', () => {
  beforeEach(async () => {
    tier.onFill = () => Promise.reject(REFUSED);
    // Rights are given all the while: they are no entry stored.
    for (const key of ['k1', 'k2', 'k3', 'k4', 'k5']) {
      for (let times = 0; times < 2; times++)
        expect(await guard.ticket(at(key), ABSENT)).toEqual({ kind: 'granted', ticket: TICKET });
      expect(await fill(key)).toBeUndefined();
    }
  });

  it('is read, and says why it is not filled', async () => {
    expect(await guard.read(at('k6'))).toBe(ABSENT);
    expect(await guard.ticket(at('k6'), ABSENT)).toEqual({ kind: 'none' });
    const status = { state: 'degraded', reason: 'not filled: refusing', config: true };
    expect(guard.status()).toMatchObject(status);
  });

  it('gets the ticket back of who may not fill any more: others need not wait for it', async () => {
    expect(await fill('k6')).toBeUndefined();
    await settled();
    expect(tier.released).toEqual(['k6']);
  });

  it('is tried with one fill at a time, and filled again when that one is taken', async () => {
    clock.advance(250);
    tier.onFill = () => Promise.resolve(true);
    expect(await Promise.all([fill('k6'), fill('k7')])).toEqual([true, undefined]);
    expect(tier.released).toEqual(['k7']);
    expect(guard.status().state).toBe('up');
    expect(await fill('k8')).toBe(true);
  });

  it('is tried with a right as well, where that is asked of the store', async () => {
    clock.advance(250);
    expect(await guard.ticket(at('k6'), ABSENT)).toMatchObject({ kind: 'granted' });
    expect(guard.status().state).toBe('up');
  });

  it('and not where the tier gives it by itself: that says nothing about the store', async () => {
    tier.onTicket = () => ({ kind: 'granted', ticket: TICKET });
    clock.advance(250);
    expect(await guard.ticket(at('k6'), ABSENT)).toMatchObject({ kind: 'granted' });
    expect(guard.status().state).toBe('degraded');
  });
});

it('what somebody has to mend is told before what is only slow', async () => {
  await late('k1', 'k2', 'k3', 'k4', 'k5');
  tier.onRead = () => Promise.reject(REFUSED);
  for (const key of ['b1', 'b2', 'b3', 'b4', 'b5']) await guard.read(at(key));
  expect(guard.status()).toMatchObject({ state: 'degraded', reason: 'refusing', config: true });
  expect(told).toEqual([true]);
});

it('a ticket that comes too late is given back', async () => {
  let grant!: (reply: TicketReply) => void;
  tier.onTicket = () => new Promise((resolve) => (grant = resolve));
  const asked = guard.ticket(at('k'), ABSENT);
  clock.advance(BUDGET);
  expect(await asked).toEqual({ kind: 'none' });
  grant({ kind: 'granted', ticket: TICKET });
  await settled();
  expect(tier.released).toEqual(['k']);
});

it('ten thousand callers may wait for one part; the next one passes it by, and another part is asked', async () => {
  const replies: ((read: TierRead) => void)[] = [];
  tier.onRead = (key) =>
    key.startsWith('b') ? ABSENT : new Promise((resolve) => replies.push(resolve));
  const waiting = Array.from({ length: 10_000 }, (_zero, n) => guard.read(at(`k${n}`)));
  expect(await guard.read(at('one more'))).toBeUndefined();
  expect(tier.asked).toHaveLength(10_000);
  expect(await guard.read(at('b'))).toBe(ABSENT);
  replies.shift()!(ABSENT);
  await settled();
  const next = guard.read(at('one more'));
  expect(tier.asked).toHaveLength(10_002);
  for (const reply of replies) reply(ABSENT);
  await Promise.all([...waiting, next]);
});

it('an error of the cache’s own is no trouble of the store’s making that an operator would know', async () => {
  tier.onRead = () => Promise.reject(new CacheError('CACHE_TIER_UNAVAILABLE', 'busy'));
  for (const key of ['k1', 'k2', 'k3', 'k4', 'k5']) await guard.read(at(key));
  expect(guard.status()).toMatchObject({ state: 'degraded', reason: 'unheard of' });
});

describe('a tier that is tried by hand', () => {
  it('is read as soon as it has answered', async () => {
    await late('k1', 'k2', 'k3', 'k4', 'k5');
    tier.onRead = () => Promise.resolve(ABSENT);
    tier.asked.length = 0;
    await guard.parts.tryNow();
    expect(tier.asked).toEqual(['k5']);
    expect(guard.status().state).toBe('up');
  });

  it('is waited for within its budget, and asked nothing where all is well or nothing is there', async () => {
    await guard.parts.tryNow();
    expect(tier.asked).toEqual([]);
    await late('k1', 'k2', 'k3', 'k4', 'k5');
    const tried = guard.parts.tryNow();
    clock.advance(BUDGET);
    await tried;
    expect(guard.status().state).toBe('degraded');
    tier.asked.length = 0;
    tier.state = 'down';
    await guard.parts.tryNow();
    expect(tier.asked).toEqual([]);
  });

  it('is tried in each of its parts, and with the next fill', async () => {
    await late('k1', 'k2', 'k3', 'k4', 'k5');
    await late('b1', 'b2', 'b3', 'b4', 'b5');
    tier.onRead = () => Promise.resolve(ABSENT);
    tier.asked.length = 0;
    await guard.parts.tryNow();
    expect(tier.asked.toSorted()).toEqual(['b5', 'k5']);
    tier.onFill = () => Promise.reject(REFUSED);
    for (const key of ['k1', 'k2', 'k3', 'k4', 'k5']) await fill(key);
    tier.onFill = () => Promise.resolve(true);
    await guard.parts.tryNow();
    expect(await fill('k6')).toBe(true);
    expect(guard.status().state).toBe('up');
  });
});

describe('many keys of one call', () => {
  const KEYS = Array.from({ length: 40 }, (_zero, n) => `${n % 4 === 0 ? 'b' : 'k'}${n}`);
  const fresh = (key: string): TierRead => ({
    state: 'fresh',
    entry: createEntry(key, { ttl: 1_000, grace: 0, tags: [] }, clock.now(), 1, true),
  });
  let bulks: string[][];
  let onBulk: (keys: readonly string[]) => Promise<readonly TierRead[]> | undefined;
  const readAll = (keys = KEYS): ReturnType<TierGuard['readMany']> =>
    guard.readMany(keys.map(at), {});

  beforeEach(() => {
    bulks = [];
    onBulk = (keys) => Promise.resolve(keys.map(fresh));
    Object.assign(tier, {
      readMany: (addresses: readonly Address[], heard: HeardMany) => {
        const keys = addresses.map(({ key }) => key);
        bulks.push(keys);
        return onBulk(keys)?.then((reads) => heard(reads, 0));
      },
    });
  });

  it('are one call to each part, answered in their order and counted one by one', async () => {
    const reads = await readAll();
    expect(reads.map((read) => read?.entry?.value)).toEqual(KEYS);
    expect(bulks.map(({ length }) => length).toSorted((a, b) => a - b)).toEqual([10, 30]);
    expect(tier.asked).toEqual([]);
    expect(guard.hits).toBe(40);
  });

  it('go out with what others ask where they are few', async () => {
    await readAll(KEYS.slice(0, 31));
    expect(bulks).toEqual([]);
    expect(tier.asked).toHaveLength(31);
  });

  it('and where the store is busy with as many', async () => {
    onBulk = () => undefined;
    await readAll();
    expect(bulks.flat()).toHaveLength(40);
    expect(tier.asked).toHaveLength(40);
    expect(guard.misses).toBe(40);
  });

  it('are asked one by one where values have to be verified or to look as told', async () => {
    await guard.readMany(KEYS.map(at), { verify: true });
    await guard.readMany(KEYS.map(at), { schema: { '~standard': {} } as never });
    expect(bulks).toEqual([]);
  });

  it('are all away where the call is late, which is one fault of the store', async () => {
    onBulk = (keys) => (keys[0].startsWith('b') ? Promise.resolve(keys.map(fresh)) : NEVER);
    const asked = readAll();
    await settled();
    clock.advance(BUDGET);
    const reads = await asked;
    expect(reads.filter((read) => read !== undefined)).toHaveLength(10);
    expect([guard.errors, guard.misses, guard.hits]).toEqual([30, 30, 10]);
    for (let times = 0; times < 4; times++) {
      expect(guard.status().state).toBe('up');
      const again = readAll();
      await settled();
      clock.advance(BUDGET);
      await again;
    }
    expect(guard.status().state).toBe('degraded');
    bulks.length = 0;
    await readAll();
    expect(bulks).toEqual([KEYS.filter((key) => key.startsWith('b'))]);
  });

  it('are made use of as they come; what comes too late is missing, and hurts nobody', async () => {
    let hear!: HeardMany;
    Object.assign(tier, {
      readMany: (addresses: readonly Address[], heard: HeardMany) => {
        hear = (some, from) => heard(some, from);
        heard(
          addresses.slice(0, 20).map(({ key }) => fresh(key)),
          0,
        );
        return NEVER;
      },
    });
    const heard: number[] = [];
    const some = Array.from({ length: 40 }, (_zero, n) => at(`k${n}`));
    const asked = guard.readMany(some, {}, (place) => heard.push(place));
    await settled();
    expect(heard).toHaveLength(20);
    clock.advance(BUDGET);
    const reads = await asked;
    expect(reads.map((read) => read?.entry?.value)).toEqual(
      some.map(({ key }, n) => (n < 20 ? key : undefined)),
    );
    hear([fresh('late')], 20);
    expect(reads[20]).toBeUndefined();
    expect([guard.hits, guard.misses, guard.errors]).toEqual([20, 20, 20]);
  });

  it('are bypassed where the store owes them a change, and where one was paid behind the answer', async () => {
    tier.apply = () => Promise.reject(new Error('away'));
    await guard.changes.apply({ kind: 'delete', addresses: [at('k1')] });
    let answer!: () => void;
    onBulk = async (keys) => {
      await new Promise<void>((resolve) => (answer = resolve));
      return keys.map(fresh);
    };
    const some = KEYS.filter((key) => key.startsWith('k'));
    const asked = guard.readMany([...some, ...some].map(at), {});
    await settled();
    expect(bulks.flat()).not.toContain('k1');
    tier.apply = () => Promise.resolve();
    guard.changes.pay();
    await settled();
    answer();
    expect(new Set(await asked)).toEqual(new Set([undefined]));
  });

  it('tell of each that was not ours', async () => {
    const corrupt: string[] = [];
    Object.assign(guard.options, { onCorrupt: ({ key }: Address) => corrupt.push(key) });
    onBulk = (keys) =>
      Promise.resolve(
        keys.map((key) => (key === 'k2' ? { state: 'invalid', corrupt: true } : fresh(key))),
      );
    await readAll();
    expect(corrupt).toEqual(['k2']);
  });
});
