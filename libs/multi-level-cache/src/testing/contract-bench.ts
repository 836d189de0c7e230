/** What the cases of the tier contract work with: scopes, entries, and tickets asked for as the manager asks. */
import assert from 'node:assert/strict';
import { SystemClock, type Clock } from '../core/clock.js';
import { adopt, createEntry, handOut, type Entry, type Life } from '../core/entry.js';
import { Address, Scope, type ScopeRules } from '../core/key.js';
import type { Change, Ticket, Tier, TierRead } from '../core/tier.js';

/** One tier to be tested, opened and empty. */
export interface ContractSetup {
  readonly tier: Tier;
  /** The clock the tier was given. @defaultValue a `SystemClock` */
  readonly clock?: Clock;
  /** The namespace the tier was given. @defaultValue `'contract'` */
  readonly namespace?: string;
  /** What all scopes share: classes, encryption. @defaultValue none of them */
  readonly rules?: ScopeRules;
  /** Lets time pass for tier and clock. @defaultValue waits as long */
  pass?(ms: number): Promise<void>;
  cleanup(): Promise<void>;
}

export interface ContractOptions {
  /** The tier holds entries for their grace. @defaultValue true */
  readonly stale?: boolean;
  /** How far times may be off after a round trip, in ms. @defaultValue 250 */
  readonly toleranceMs?: number;
}

/** One promise of the port. Give `name` and `run` to any test framework. */
export interface ContractCase {
  readonly name: string;
  readonly run: () => Promise<void>;
}

export type Check = (bench: Bench) => Promise<void>;
/** Cases by name, before they are bound to a tier. */
export type Checks = Readonly<Record<string, Check>>;

const LIFE: Life = { ttl: 60_000, grace: 60_000, tags: [] };
const PATIENCE_MS = 5_000;
const PAUSE_MS = 5;

/** One tier with the shorthand of the cases. */
export class Bench {
  readonly tier: Tier;
  readonly clock: Clock;
  readonly toleranceMs: number;
  readonly #setup: ContractSetup;
  readonly #scopes = new Map<string, Scope>();

  constructor(setup: ContractSetup, options: ContractOptions) {
    this.#setup = setup;
    this.tier = setup.tier;
    this.clock = setup.clock ?? new SystemClock();
    this.toleranceMs = options.toleranceMs ?? 250;
  }

  at(key: string, cache = 'items', tenant = 'p'): Address {
    const { namespace = 'contract', rules } = this.#setup;
    const scope = new Scope(namespace, tenant, cache, rules);
    const shared = this.#scopes.get(scope.id) ?? scope;
    this.#scopes.set(scope.id, shared);
    return new Address(shared, key);
  }

  entry(value: unknown, life: Partial<Life> = {}): Entry {
    return adopt(createEntry(value, { ...LIFE, ...life }, this.clock.now(), 7, true), 'freeze');
  }

  async read(address: Address): Promise<TierRead> {
    return this.tier.read(address);
  }

  /** The right to fill, asked for until it is given: `busy` and `found` are answers of their own, not faults. */
  async ticket(address: Address): Promise<Ticket> {
    const until = performance.now() + PATIENCE_MS;
    let read = await this.read(address);
    while (performance.now() < until) {
      const reply = await this.tier.ticket(address, read);
      if (reply.kind === 'granted') return reply.ticket;
      assert.notEqual(reply.kind, 'none', 'the tier is away');
      assert.notEqual(read.state, 'fresh', 'no ticket is given over a fresh entry');
      if (reply.kind === 'busy') await new Promise((resolve) => setTimeout(resolve, PAUSE_MS));
      read = reply.kind === 'found' ? reply.read : await this.read(address);
    }
    return assert.fail(`no ticket within ${PATIENCE_MS} ms`);
  }

  /** Fills a key that is not fresh, as after a load. */
  async fill(address: Address, value: unknown, life: Partial<Life> = {}): Promise<Entry> {
    const ticket = await this.ticket(address);
    const entry = this.entry(value, life);
    assert.equal(await this.tier.fill(address, entry, ticket), true, 'a fill is refused');
    return entry;
  }

  /** Whether a value loaded now would be kept. */
  async keeps(address: Address, value: unknown): Promise<boolean> {
    const reply = await this.tier.ticket(address, await this.read(address));
    if (reply.kind !== 'granted') return false;
    return (await this.tier.fill(address, this.entry(value), reply.ticket)) === true;
  }

  async apply(change: Change): Promise<void> {
    await this.tier.apply(change);
  }

  delete(...addresses: readonly Address[]): Promise<void> {
    return this.apply({ kind: 'delete', addresses });
  }

  bump(tenant: string, ...tags: readonly string[]): Promise<void> {
    return this.apply({ kind: 'tags', tenant, tags });
  }

  async pass(ms: number): Promise<void> {
    if (this.#setup.pass) await this.#setup.pass(ms);
    else await new Promise((resolve) => setTimeout(resolve, ms));
  }

  /** However it is asked for. */
  async assertFresh(address: Address, value: unknown): Promise<Entry> {
    const [read, ...many] = await this.#inEachWay(address);
    for (const { entry, state } of [read, ...many]) {
      assert.equal(state, 'fresh');
      assert.ok(entry, 'a fresh read carries its entry');
      assert.deepStrictEqual(handOut(entry), value);
    }
    return read.entry!;
  }

  async assertNotFresh(address: Address): Promise<void> {
    for (const { state } of await this.#inEachWay(address)) assert.notEqual(state, 'fresh');
  }

  /** By itself, and where the tier reads many at once as two of many. */
  async #inEachWay(address: Address): Promise<readonly TierRead[]> {
    const reads = [await this.read(address)];
    await this.tier.readMany?.([address, address], (some) => reads.push(...some));
    return reads;
  }
}
