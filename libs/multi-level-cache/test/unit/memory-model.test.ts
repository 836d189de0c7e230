/** L1 against a model of it made of plain objects in a Map: any calls in any order, and both say the same. */
import fc from 'fast-check';
import { expect, it } from 'vitest';
import { createEntry } from '../../src/core/entry.js';
import { Address, Scope } from '../../src/core/key.js';
import { FakeClock } from '../../src/testing/fake-clock.js';
import { MemoryTier, NO_ROW } from '../../src/tiers/memory/memory-tier.js';
import { PlainLru, PlainS3Fifo, type PlainPolicy } from './eviction-models.js';

const MAX_ENTRIES = 10;
/** So that a value of 600 letters is admitted, and ten of them are too many. */
const MAX_SIZE = 7_000;
const POLICIES = { lru: PlainLru, 's3-fifo': PlainS3Fifo };
type Policy = keyof typeof POLICIES;
const GRACE = 50;
const SCOPES = ['p', 't:a'].map((tenant) => new Scope('app', tenant, 'default'));
const ADDRESSES = SCOPES.flatMap((scope) =>
  ['a', 'b', 'c', 'd', 'e', 'f', 'g:c', 'g:d'].map((key) => new Address(scope, key)),
);

interface Kept {
  readonly address: Address;
  readonly value: string;
  readonly tags: readonly string[];
  readonly size: number;
  freshUntil: number;
  dead: boolean;
  /** Softly bumped, which shows at the next look. */
  soft: boolean;
}

/** The rules of L1 in the fewest words. */
class Model {
  readonly kept = new Map<Address, Kept>();
  readonly told: string[] = [];
  readonly #policy: PlainPolicy;

  constructor(
    readonly clock: FakeClock,
    policy: Policy,
  ) {
    this.#policy = new POLICIES[policy]();
  }

  get bytes(): number {
    return [...this.kept.values()].reduce((sum, { size }) => sum + size, 0);
  }

  store(address: Address, value: string, ttl: number, tags: readonly string[], size: number): void {
    this.remove(address);
    if (ttl === 0 || size > MAX_SIZE / 8) return;
    const freshUntil = this.clock.now() + ttl;
    this.kept.set(address, { address, value, tags, size, freshUntil, dead: false, soft: false });
    this.#policy.enter(nameOf(address));
    while (this.kept.size > MAX_ENTRIES || this.bytes > MAX_SIZE) {
      const name = this.#policy.victim();
      this.#giveUp(
        [...this.kept.values()].find((kept) => nameOf(kept.address) === name)!,
        'size',
      );
    }
  }

  remove(address: Address): void {
    if (this.kept.delete(address)) this.#policy.leave(nameOf(address));
  }

  state(address: Address): string {
    const kept = this.kept.get(address);
    if (!kept) return 'absent';
    if (kept.dead) return 'invalid';
    const now = this.clock.now();
    if (kept.soft) kept.freshUntil = Math.min(kept.freshUntil, now);
    kept.soft = false;
    if (now < kept.freshUntil) return 'fresh';
    return now < kept.freshUntil + GRACE ? 'stale' : 'absent';
  }

  hit(address: Address): string | undefined {
    const kept = this.kept.get(address);
    if (!kept) return undefined;
    const state = this.state(address);
    if (state === 'invalid' || state === 'absent') this.#giveUp(kept, 'expired');
    if (state !== 'fresh') return undefined;
    this.#policy.hit(nameOf(address));
    return kept.value;
  }

  expire(address: Address): void {
    if (this.state(address) === 'fresh') this.kept.get(address)!.freshUntil = this.clock.now();
  }

  touch(address: Address, ms: number): void {
    if (this.state(address) !== 'fresh') return;
    const { value, tags, size } = this.kept.get(address)!;
    this.store(address, value, ms, tags, size);
  }

  bump(tenant: string, tag: string, soft: boolean): void {
    for (const kept of this.kept.values()) {
      const { scope, groupTags, implied } = kept.address;
      const has = [...kept.tags, ...groupTags, ...implied].includes(tag);
      if (scope.tenant !== tenant || !has) continue;
      if (soft) kept.soft = true;
      else kept.dead = true;
    }
  }

  flush(): void {
    for (const kept of this.kept.values()) kept.dead = true;
  }

  #giveUp(kept: Kept, reason: string): void {
    this.remove(kept.address);
    this.told.push(`${reason} ${kept.address.key}`);
  }
}

const nameOf = ({ scope, key }: Address): string => `${scope.id} ${key}`;

const address = fc.constantFrom(...ADDRESSES);
const ms = fc.constantFrom(0, 10, 60, 1_000);
const STEP = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.record({
      do: fc.constantFrom('set' as const, 'fill' as const),
      address,
      ms,
      tags: fc.subarray(['red', 'blue']),
      length: fc.constantFrom(0, 600, 3_000),
    }),
  },
  { weight: 6, arbitrary: fc.record({ do: fc.constant('hit' as const), address }) },
  {
    weight: 3,
    arbitrary: fc.record({
      do: fc.constantFrom('delete' as const, 'expire' as const, 'touch' as const),
      address,
      ms,
    }),
  },
  {
    weight: 2,
    arbitrary: fc.record({
      do: fc.constant('bump' as const),
      tag: fc.constantFrom('red', SCOPES[0].clearTag, ADDRESSES[2].groupTags[0]),
      tenant: fc.constantFrom('p', 't:a'),
      soft: fc.boolean(),
    }),
  },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('flush' as const) }) },
  { weight: 3, arbitrary: fc.record({ do: fc.constant('wait' as const), ms }) },
);

type Step = typeof STEP extends fc.Arbitrary<infer S> ? S : never;

class Pair {
  readonly clock = new FakeClock();
  readonly model: Model;
  readonly told: string[] = [];
  readonly tier: MemoryTier;
  #values = 0;

  constructor(eviction: Policy) {
    this.model = new Model(this.clock, eviction);
    const bounds = { maxEntries: MAX_ENTRIES, maxSize: MAX_SIZE };
    this.tier = new MemoryTier({ ...bounds, eviction, keepStale: true }, this.clock);
    this.tier.onEvict = (_cache, key, reason) => this.told.push(`${reason} ${key}`);
  }

  async run(step: Step): Promise<void> {
    const { tier, model } = this;
    if (step.do === 'wait') this.clock.advance(step.ms);
    else if (step.do === 'flush') {
      tier.flush();
      model.flush();
    } else if (step.do === 'bump') {
      await tier.apply({ kind: 'tags', tenant: step.tenant, tags: [step.tag], soft: step.soft });
      model.bump(step.tenant, step.tag, step.soft);
    } else if (step.do === 'hit') await this.#hit(step.address);
    else if (step.do === 'touch') {
      await tier.apply({ kind: 'touch', addresses: [step.address], ms: step.ms });
      model.touch(step.address, step.ms);
    } else if (step.do === 'expire') {
      await tier.apply({ kind: 'expire', addresses: [step.address] });
      model.expire(step.address);
    } else if (step.do === 'delete') {
      await tier.apply({ kind: 'delete', addresses: [step.address] });
      model.remove(step.address);
    } else if ('length' in step) await this.#store(step);
  }

  async #hit(at: Address): Promise<void> {
    const { tier } = this;
    const row = tier.hit(tier.partition(at.scope), at.key);
    const found = row === NO_ROW ? [] : [tier.value(row), tier.promise(row), tier.entry(row).value];
    const expected = this.model.hit(at);
    expect(await Promise.all(found)).toEqual(
      expected === undefined ? [] : [expected, expected, expected],
    );
  }

  async #store(step: Extract<Step, { length: number }>): Promise<void> {
    const { tier, model } = this;
    const value = `${++this.#values}`.padEnd(step.length);
    const life = { ttl: step.ms, grace: GRACE, tags: step.tags };
    const entry = createEntry(value, life, this.clock.now(), 0, true);
    const addresses = [step.address];
    if (step.do === 'set') await tier.apply({ kind: 'set', addresses, entries: [entry] });
    else tier.fill(step.address, entry, tier.ticketFor(step.address)!);
    const size = 200 + 2 * step.address.key.length + entry.shape.bytes;
    model.store(step.address, value, step.ms, step.tags, size);
  }

  compare(): void {
    const { tier, model } = this;
    expect(this.told).toEqual(model.told);
    expect(tier.status()).toMatchObject({ entries: model.kept.size, bytes: model.bytes });
    for (const at of ADDRESSES) {
      const state = model.state(at);
      const { value, freshUntil } = model.kept.get(at) ?? {};
      const entry = { value, freshUntil, staleUntil: freshUntil! + GRACE };
      const usable = state === 'fresh' || state === 'stale';
      expect(tier.read(at)).toMatchObject(usable ? { state, entry } : { state });
    }
  }
}

const policy = fc.constantFrom<Policy>('lru', 's3-fifo');

it('any calls in any order leave the tier as the model says', async () => {
  const steps = fc.array(STEP, { maxLength: 80, size: 'max' });
  await fc.assert(
    fc.asyncProperty(steps, fc.boolean(), policy, async (steps, often, eviction) => {
      const pair = new Pair(eviction);
      for (const step of steps) {
        await pair.run(step);
        if (often) pair.compare();
      }
      pair.compare();
    }),
    { numRuns: 300 },
  );
});

it('a listener that writes and reads while it is told never meets or causes another key’s value', () => {
  const step = fc.tuple(fc.constantFrom('fill', 'drop', 'hit'), address, fc.nat(700));
  fc.assert(
    fc.property(
      fc.array(step, { maxLength: 40 }),
      fc.array(step),
      policy,
      (steps, inner, eviction) => {
        const { tier, clock } = new Pair(eviction);
        const rest = [...inner];
        const run = ([what, at, length]: (typeof steps)[number]): void => {
          const mine = { owner: at.scope.id, key: at.key };
          const value = { ...mine, filler: 'x'.repeat(length) };
          const life = { ttl: 1_000, grace: 0, tags: [] };
          const entry = createEntry(value, life, clock.now(), 0, true);
          if (what === 'fill') tier.fill(at, entry, tier.ticketFor(at)!);
          else if (what === 'drop') tier.drop(at.scope, at.key);
          const row = tier.hit(tier.partition(at.scope), at.key);
          if (row !== NO_ROW) expect(tier.value(row)).toMatchObject(mine);
        };
        tier.onEvict = () => {
          const next = rest.pop();
          if (next) run(next);
        };
        for (const one of steps) {
          run(one);
          expect(tier.status().entries).toBeLessThanOrEqual(MAX_ENTRIES);
          expect(tier.status().bytes).toBeLessThanOrEqual(MAX_SIZE);
        }
        for (const at of ADDRESSES) tier.drop(at.scope, at.key);
        expect(tier.status()).toMatchObject({ entries: 0, bytes: 0 });
      },
    ),
    { numRuns: 300 },
  );
});
