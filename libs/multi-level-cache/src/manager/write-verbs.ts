/** What the writing verbs of one cache mean: from checked arguments to one change for THE write flow. */
import { createEntry, type Entry } from '../core/entry.js';
import {
  checkConsistency,
  checkTags,
  invalid,
  writeLife,
  type Consistency,
  type EntryLife,
} from '../core/entry-options.js';
import { CacheError } from '../core/errors.js';
import type { OperationName } from '../core/events.js';
import { assertKey, groupTag, textFault, type Address, type Scope } from '../core/key.js';
import type { Change } from '../core/tier.js';
import type { Mutation } from './audit-trail.js';
import type { MutateTargets, Receipt } from './cache-manager.js';
import type { Door } from './door.js';
import type { Home } from './home.js';
import { settled } from './load.js';
import { mutate, type Targets } from './mutation.js';
import type { Parts } from './parts.js';
import type { Transaction } from './transaction.js';
import type { Transactions } from './transactions.js';
import { operationOf, type WritePath } from './write-path.js';

/** Options of a write as they were given. */
export type Given = object | undefined;

/** What a call says of how it is written. */
interface Asked {
  readonly strict: boolean;
  readonly consistency?: Consistency | undefined;
}

export class WriteVerbs {
  constructor(
    readonly parts: Parts,
    readonly writes: WritePath,
    /** What holds for a write that says nothing. */
    readonly base: () => EntryLife,
    readonly door: Door,
    readonly transactions: Transactions,
    readonly register: (life: EntryLife) => void,
  ) {}

  set(home: Home, key: string, value: unknown, options: Given): Promise<Receipt> {
    const { strict, life, now } = this.#given(options);
    const addresses = [this.door.address(home, key)];
    const entry = this.#entry(value, life, home.scope.tagged(life.tags), now);
    // `ttl: 0` means "do not store", and what was there is no longer right.
    const change: Change =
      entry.freshUntil > now
        ? { kind: 'set', addresses, entries: [entry] }
        : { kind: 'delete', addresses };
    return this.#write(change, { strict }, life);
  }

  setMany(home: Home, values: ReadonlyMap<string, unknown>, options: Given): Promise<Receipt> {
    const { strict, life, now } = this.#given(options);
    const addresses: Address[] = [];
    const made: Entry[] = [];
    const tags = home.scope.tagged(life.tags);
    for (const [key, value] of values) {
      addresses.push(this.door.address(home, key));
      made.push(this.#entry(value, life, tags, now));
    }
    const kept = made.filter(({ freshUntil }) => freshUntil > now).length;
    if (kept === made.length)
      return this.#write({ kind: 'set', addresses, entries: made }, { strict }, life);
    if (kept === 0) return this.#write({ kind: 'delete', addresses }, { strict }, life);
    return this.#mixed(addresses, made, now, strict, life);
  }

  delete(home: Home, keys: readonly string[], options: Given): Promise<Receipt> {
    return this.#change({ kind: 'delete', addresses: this.#in(home, keys) }, options);
  }

  async touch(address: Address, ms: number): Promise<void> {
    const addresses = [address] as const;
    if (ms === 0) await this.#write({ kind: 'delete', addresses }, { strict: false });
    else {
      const change: Change = { kind: 'touch', addresses, ms };
      await this.#audited(change, () =>
        this.#watched('touch', 1, () => this.#writeNow(change, { strict: false })),
      );
    }
  }

  expire(home: Home, key: string, options: Given): Promise<Receipt> {
    return this.#change({ kind: 'expire', addresses: this.#in(home, [key]) }, options);
  }

  async mutate<T>(
    home: Home,
    targets: MutateTargets,
    write: () => T | Promise<T>,
    options: Given,
  ): Promise<T> {
    const { strict, rest = {} } = split(options, 'strict');
    const unknown = Object.keys(rest)[0];
    if (unknown !== undefined) throw invalid(unknown, 'is unknown; known is strict');
    if (typeof write !== 'function') throw invalid('write', 'must be a function');
    const { addresses, tags, tenant } = this.#targets(home, targets);
    const transaction = this.transactions.current();
    const targeted = { addresses, tenant, tags };
    return this.#audited({ kind: 'mutate', addresses, tags }, () => {
      if (!transaction)
        return this.#watched('mutate', addresses.length + tags.length, () =>
          mutate(this.parts, this.writes, targeted, write, strict),
        );
      // Its commit comes later than any guard could stand.
      addTargets(transaction, targeted);
      return write();
    });
  }

  /** @param transaction - `undefined`: there is none, and it is done at once. */
  async invalidateIn(
    home: Home,
    transaction: Transaction | undefined,
    targets: MutateTargets,
  ): Promise<void> {
    const meant = this.#targets(home, targets);
    if (transaction)
      return this.#audited({ ...meant, kind: 'mutate' }, () => addTargets(transaction, meant));
    await Promise.all(changesOf(meant).map((change) => this.#write(change, { strict: false })));
  }

  tags(scope: Scope, tags: readonly string[], options: Given): Promise<Receipt> {
    const flags = flagsOnly(options, 'strict', 'soft');
    const meant = scope.meant(checkTags(tags, Number.MAX_SAFE_INTEGER));
    const { tenant } = scope;
    return this.#write({ kind: 'tags', tenant, tags: meant, soft: flags.soft }, flags);
  }

  clear(scope: Scope, options: Given): Promise<Receipt> {
    const flags = flagsOnly(options, 'strict', 'soft');
    const { tenant } = scope;
    const tags = scope.meant([scope.clearTag]);
    const change: Change = { kind: 'tags', tenant, tags, soft: flags.soft };
    return this.#write(change, flags, this.base(), 'clear');
  }

  pattern(scope: Scope, pattern: string, options: Given): Promise<Receipt> {
    if (pattern === '*') return this.clear(scope, options);
    const group = groupOf(scope, pattern);
    if (scope.subject !== undefined)
      throw new CacheError(
        'CACHE_PATTERN_UNDECLARED',
        "a pattern means the keys of a whole tenant; of a user's entries clear() removes all, and tags some",
      );
    const tags = [groupTag(scope.cache, group)];
    return this.#change({ kind: 'tags', tenant: scope.tenant, tags }, options);
  }

  #given(options: Given): { strict: boolean; life: EntryLife; now: number } {
    const { strict, rest } = split(options, 'strict');
    const life = writeLife(rest, this.base());
    this.register(life);
    return { strict, life, now: this.parts.clock.now() };
  }

  #entry(value: unknown, life: EntryLife, tags: readonly string[], now: number): Entry {
    const { isolation, random } = this.parts;
    return createEntry(value, settled(life, value, tags, random), now, 0, true, isolation);
  }

  #in(home: Home, keys: readonly string[]): Address[] {
    return keys.map((key) => this.door.address(home, key));
  }

  /** What is meant by keys and tags here. */
  #targets(home: Home, targets: unknown): Targets {
    const { keys, tags } = readTargets(targets);
    const { scope } = home;
    const addresses = this.#in(home, [...new Set(keys)]);
    return { addresses, tenant: scope.tenant, tags: scope.meant(tags) };
  }

  async #mixed(
    addresses: readonly Address[],
    entries: readonly Entry[],
    now: number,
    strict: boolean,
    life: EntryLife,
  ): Promise<Receipt> {
    const of = <T>(list: readonly T[], want: boolean): T[] =>
      list.filter((_one, index) => entries[index].freshUntil > now === want);
    const gone = of(addresses, false);
    await this.#write({ kind: 'delete', addresses: gone }, { strict }, life);
    const set: Change = { kind: 'set', addresses: of(addresses, true), entries: of(entries, true) };
    return this.#write(set, { strict }, life);
  }

  #change(change: Change, options: Given): Promise<Receipt> {
    return this.#write(change, flagsOnly(options, 'strict'));
  }

  #write(
    change: Change,
    asked: Asked,
    life = this.base(),
    operation = operationOf(change),
  ): Promise<Receipt> {
    return this.#audited(change, () =>
      this.#watched(operation, sizeOf(change), () => this.#send(change, asked, life)),
    );
  }

  #watched<T>(operation: OperationName, count: number, work: () => Promise<T>): Promise<T> {
    const { watch } = this.parts;
    return watch.tells()
      ? watch.operation(this.door.homes.cache, operation, { count }, work)
      : work();
  }

  #audited<R>(mutation: Mutation, work: () => R): R | Promise<Awaited<R>> {
    const { audit } = this.parts;
    return audit ? audit.changed(mutation, work) : work();
  }

  #send(change: Change, asked: Asked, life: EntryLife): Promise<Receipt> {
    const transaction = this.transactions.current();
    return transaction
      ? this.#sendLater(transaction, change, asked)
      : this.#writeNow(change, asked, life);
  }

  /** In a transaction nothing leaves the cache before it commits. */
  async #sendLater(transaction: Transaction, change: Change, asked: Asked): Promise<Receipt> {
    if (asked.strict) this.writes.assertReachable();
    transaction.add(change);
    const { l1, l2, l3 } = this.parts;
    const [first, second, third] = [l1, l2, l3].map((tier) => (tier ? 'queued' : 'off'));
    return { l1: first, l2: second, l3: third, backplane: second, durable: false };
  }

  #writeNow(change: Change, { strict, consistency }: Asked, life = this.base()): Promise<Receipt> {
    const quiet = (consistency ?? life.consistency) === 'local';
    return this.writes.write(change, strict, life.tiers, quiet);
  }
}

function sizeOf(change: Change): number {
  return change.kind === 'tags' ? change.tags.length : change.addresses.length;
}

function changesOf({ addresses, tenant, tags }: Targets): readonly Change[] {
  return [
    ...(addresses.length > 0 ? [{ kind: 'delete', addresses } as const] : []),
    ...(tags.length > 0 ? [{ kind: 'tags', tenant, tags } as const] : []),
  ];
}

function addTargets(transaction: Transaction, targets: Targets): void {
  for (const change of changesOf(targets)) transaction.add(change);
}

function readTargets(targets: unknown): Required<MutateTargets> {
  if (typeof targets !== 'object' || targets === null)
    throw invalid('targets', 'must be an object of keys and tags');
  const { keys = [], tags = [], ...unknown } = targets as Record<string, unknown>;
  for (const name of Object.keys(unknown)) throw invalid(name, 'is unknown; known are keys, tags');
  if (!Array.isArray(keys)) throw invalid('keys', 'must be a list of strings');
  keys.forEach(assertKey);
  const checked = checkTags(tags, Number.MAX_SAFE_INTEGER);
  if (keys.length + checked.length === 0) throw invalid('targets', 'names no key and no tag');
  return { keys: keys as string[], tags: checked };
}

/** The group a pattern names; throws `CACHE_PATTERN_UNDECLARED`. */
export function groupOf({ rules }: Scope, pattern: unknown): string {
  const group = typeof pattern === 'string' && pattern.endsWith(':*') ? pattern.slice(0, -2) : '';
  const declared = rules.groups.includes(group);
  if (textFault(group) !== undefined || group.includes('*') || (group.includes(':') && !declared))
    throw new CacheError(
      'CACHE_PATTERN_UNDECLARED',
      "a pattern is '*', the first segment of keys and ':*', or a group of the option `groups` and ':*'",
    );
  return group;
}

/** For verbs that know no other options. */
function flagsOnly<F extends 'strict' | 'soft'>(
  options: Given,
  ...flags: readonly F[]
): Record<F, boolean> & Asked {
  const { rest: given, ...taken } = split(options, ...flags);
  const { consistency, ...rest } = (given ?? {}) as Record<string, unknown>;
  const unknown = Object.keys(rest)[0];
  if (unknown !== undefined)
    throw invalid(unknown, `is unknown; known are ${[...flags, 'consistency'].join(', ')}`);
  const checked = consistency === undefined ? undefined : checkConsistency(consistency);
  return { ...(taken as Record<F, boolean> & Asked), consistency: checked };
}

/** Takes the flags of a verb out of its options; what else is there belongs to the entry. */
function split<F extends 'strict' | 'soft'>(
  options: Given,
  ...flags: readonly F[]
): Record<F, boolean> & { readonly rest: object | undefined; readonly strict: boolean } {
  if (options !== undefined && (typeof options !== 'object' || options === null))
    throw invalid('options', 'must be an object');
  const taken: Record<string, boolean> = {};
  if (options === undefined) {
    for (const flag of flags) taken[flag] = false;
    return taken as never;
  }
  const rest: Record<string, unknown> = { ...options };
  for (const flag of flags) {
    const { [flag]: value = false } = rest;
    if (typeof value !== 'boolean')
      throw invalid(flag, `is a ${typeof value}; allowed: true, false`);
    taken[flag] = value;
    delete rest[flag];
  }
  return { ...taken, rest } as never;
}
