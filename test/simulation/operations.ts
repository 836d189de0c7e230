/** What the application does with its cache during a run, and what it may get. */
import type {
  LoaderContext,
  Receipt,
} from '../../libs/multi-level-cache/src/manager/cache-manager.js';
import type { EntryOptions } from '../../libs/multi-level-cache/src/core/entry-options.js';
import { REACHES_OUTBOX } from '../../libs/multi-level-cache/src/tiers/database/sql.js';
import type { DatabaseStore } from './database-store.js';
import type { Fault } from './faults.js';
import type { Instance } from './instance.js';
import type { Ledger, Versions } from './ledger.js';
import type { Schedule } from './schedule.js';
import type { Setting } from './setting.js';

interface Value {
  readonly key: string;
  readonly version: number;
}

type Write = 'delete' | 'set' | 'expire' | 'tag' | 'soft tag' | 'pattern' | 'clear';

export const KEYS = ['a:1', 'a:2', 'b:1'];
/** For a value that nobody is loading, while nothing is wrong; shorter than a lease. */
const PATIENCE = 1_000;
const SOFT: readonly Write[] = ['expire', 'soft tag'];
/** They leave the stores as they are. */
const HARMLESS: readonly Fault[] = [
  'crash',
  'half-written',
  'half-committed',
  'cut',
  'freeze',
  'down',
  'pg-cut',
  'pg-freeze',
  'pg-down',
  'apart',
  'slow',
  'orphan',
  'repeat',
];
const FAILURE = new Error('the source fails');

export class Operations {
  constructor(
    readonly schedule: Schedule,
    readonly ledger: Ledger,
    readonly setting: Setting,
  ) {}

  any(instance: Instance): void {
    const key = this.schedule.pick(KEYS);
    const dice = this.#random();
    instance.track(this.#chosen(instance, key, dice));
  }

  bump(instance: Instance): void {
    instance.track(this.#write(instance, KEYS, 'tag'));
  }

  remove(instance: Instance): void {
    instance.track(this.#write(instance, [this.schedule.pick(KEYS)], 'delete'));
  }

  async read(instance: Instance, key: string): Promise<void> {
    const strong = this.#happens(0.15) ? ({ consistency: 'strong' } as const) : undefined;
    const least = this.ledger.least(instance.name, key, strong !== undefined);
    const began = this.schedule.now;
    const options: EntryOptions = {
      ...(this.#random() < 0.5 ? { tags: ['early'] } : {}),
      ...this.#seldom(),
      ...strong,
    };
    let value: Value;
    try {
      value =
        this.#random() < 0.25
          ? ((await instance.cache.get<Value>(key, strong)) ?? { key, version: Infinity })
          : await instance.cache.getOrSet(
              key,
              (_key, context) => this.#load(key, context),
              options,
            );
    } catch (error) {
      this.ledger.note(`${instance.name} read ${key}: ${String(error)}`);
      return;
    }
    this.#judge(instance, key, value, least, began);
  }

  /** Asks the shared stores alone: what they lost sight of must not come out of them. */
  async probe(instance: Instance, key: string): Promise<void> {
    const least = this.ledger.leastBelow(key);
    const began = this.schedule.now;
    const value = await instance.cache
      .get<Value>(key, { tiers: ['l2', 'l3'] })
      .catch(() => undefined);
    if (value) this.#judge(instance, key, value, { fresh: least, standIn: least }, began);
  }

  /** When all is quiet: every instance must know what was removed, whoever removed it. */
  async last(instance: Instance, key: string): Promise<void> {
    const { fresh } = this.ledger.leastAtLast(instance.name, key);
    const load = (): Value => ({ key, version: this.ledger.version(key) });
    const began = this.schedule.now;
    const value = await instance.cache.getOrSet(key, load).catch((error: unknown) => {
      this.ledger.violate('liveness', `${instance.name} cannot have ${key}: ${String(error)}`);
      return { key, version: Infinity };
    });
    this.ledger.note(`${instance.name} at last ${key} v${value.version}`);
    if (this.schedule.now - began > PATIENCE)
      this.ledger.violate('liveness', `${instance.name} waited for ${key} long after all was well`);
    if (value.version < fresh)
      this.ledger.violate(
        'G4/G6',
        `${instance.name} at last ${key} v${value.version}, due v${fresh}`,
      );
  }

  #chosen(instance: Instance, key: string, dice: number): Promise<void> {
    if (dice < 0.55) return this.#seldomRead(instance, key);
    if (dice < 0.72)
      return this.#happens(0.3)
        ? this.#mutate(instance, key)
        : this.#write(instance, [key], 'delete');
    if (dice < 0.8) return this.#write(instance, [key], 'set');
    if (dice < 0.88) return this.#write(instance, [key], 'expire');
    if (dice < 0.94) return this.#write(instance, KEYS, this.#happens(0.4) ? 'soft tag' : 'tag');
    if (dice < 0.97) return this.#write(instance, KEYS.slice(0, 2), 'pattern');
    return this.#write(instance, KEYS, 'clear');
  }

  #seldomRead(instance: Instance, key: string): Promise<void> {
    if (this.#happens(0.1)) return this.#touch(instance, key);
    return this.#happens(0.1) ? this.#readAll(instance) : this.read(instance, key);
  }

  async #touch(instance: Instance, key: string): Promise<void> {
    const touched = await instance.cache.touch(key, this.setting.ttl);
    this.ledger.note(`${instance.name} touch ${key}: ${touched}`);
  }

  async #readAll(instance: Instance): Promise<void> {
    const leasts = KEYS.map((key) => this.ledger.least(instance.name, key));
    const began = this.schedule.now;
    const load = async (keys: readonly string[]): Promise<Map<string, Value>> => {
      await this.schedule.sleep(this.#loadTime());
      const values = keys.map((key) => [key, { key, version: this.ledger.version(key) }] as const);
      await this.schedule.sleep(this.#loadTime());
      return new Map(values);
    };
    const found = await instance.cache
      .getOrSetMany<Value>(KEYS, load, { tags: ['early', 'late'] })
      .catch((error: unknown) => {
        this.ledger.note(`${instance.name} read all: ${String(error)}`);
        return new Map<string, Value>();
      });
    KEYS.forEach((key, at) => {
      const value = found.get(key);
      // One of them may have stood in while others were waited for.
      const { standIn } = leasts[at];
      if (value) this.#judge(instance, key, value, { fresh: standIn, standIn }, began);
    });
  }

  async #load(key: string, context: LoaderContext): Promise<Value> {
    await this.schedule.sleep(this.#loadTime());
    const version = this.ledger.version(key);
    await this.schedule.sleep(this.#loadTime());
    if (this.#happens(0.15)) throw FAILURE;
    // Known only now: a late tag.
    context.setOptions({ tags: ['late'] });
    return { key, version };
  }

  #judge(
    instance: Instance,
    key: string,
    value: Value,
    { fresh, standIn }: ReturnType<Ledger['least']>,
    began: number,
  ): void {
    if (!instance.alive) return;
    const stale = instance.stoodIn(key);
    const [how, least] = stale ? ['stale', standIn] : ['read', fresh];
    this.ledger.note(
      `${instance.name} ${how} ${key} v${value.version}, asked at ${began.toFixed(1)}`,
    );
    if (value.key !== key) this.ledger.violate('keys', `${key} answered with ${value.key}`);
    if (value.version < least)
      this.ledger.violate(
        stale ? 'G6' : 'G1/G2',
        `${instance.name} ${how} ${key} v${value.version}, v${least} was due`,
      );
  }

  dieWriting(instance: Instance, die: () => void): void {
    instance.track(this.#mutate(instance, this.schedule.pick(KEYS), die));
  }

  commit(instance: Instance, store: DatabaseStore, die?: () => void): void {
    instance.track(this.#transact(instance, store, this.schedule.pick(KEYS), die));
  }

  /** A transaction of the application's, in the database in which L3 is: its change and its row in the outbox are one step. */
  async #transact(
    instance: Instance,
    store: DatabaseStore,
    key: string,
    die?: () => void,
  ): Promise<void> {
    const { transactions } = instance.cache;
    const byTags = this.#random() < 0.3;
    const keys = byTags ? KEYS : [key];
    const transaction = transactions.begin();
    const began = this.schedule.now;
    await transactions.run(transaction, () =>
      byTags ? instance.cache.invalidateTags(['early', 'late']) : instance.cache.delete(key),
    );
    await this.schedule.sleep(this.#loadTime());
    let commit: (() => unknown) | undefined;
    await transactions.prepare(transaction, store, (text, values) => {
      const finish = store.begin(text, values, {});
      if (text === REACHES_OUTBOX) return Promise.resolve(finish());
      commit = finish;
      return Promise.resolve([]);
    });
    if (!instance.alive) return;
    if (!commit) {
      // Its database is away, and so is L3.
      this.ledger.note(`${instance.name} rolls ${keys.join()} back`);
      return transactions.rolledBack(transaction);
    }
    const versions = this.ledger.change(keys);
    commit();
    this.ledger.note(
      `${instance.name} commits ${versions.map(([one, version]) => `${one}<v${version}`).join(' ')}`,
    );
    if (this.setting.faults.every((fault) => HARMLESS.includes(fault)))
      this.ledger.committed(versions, began);
    if (die) return die();
    await transactions.committed(transaction);
    this.ledger.note(`${instance.name} has told of ${keys.join()}`);
    const taken = { l2: 'queued', l3: 'queued', durable: true } as const;
    if (instance.alive)
      this.ledger.invalidated({ instance: instance.name, versions, began, taken, soft: false });
  }

  /** The database changes within it; whoever loads meanwhile may get either version, and nobody may keep the old one. */
  async #mutate(instance: Instance, key: string, die?: () => void): Promise<void> {
    const { l2, l3, faults } = this.setting;
    // Without both nobody makes the bump of a writer that is gone.
    const byTags = l2 && l3 && this.#random() < 0.3;
    const keys = byTags ? KEYS : [key];
    const targets = byTags ? { tags: ['early', 'late'] } : { keys };
    this.ledger.note(`${instance.name} mutate ${keys.join()}`);
    // Then its write does not run unless the stores have taken the guard.
    const strict = die ? this.#random() < 0.7 : this.#happens(0.3);
    const guardedFrom = this.schedule.now;
    let versions: Versions = [];
    let began = 0;
    const write = async (): Promise<void> => {
      await this.schedule.sleep(this.#loadTime());
      if (!instance.alive) return;
      versions = this.ledger.change(keys);
      began = this.schedule.now;
      this.ledger.note(
        `${instance.name} commits ${versions.map(([one, version]) => `${one}<v${version}`).join(' ')}`,
      );
      // This holds also if nothing more is heard of it.
      if (strict && faults.every((fault) => HARMLESS.includes(fault)))
        this.ledger.committed(versions, guardedFrom);
      die?.();
      await this.schedule.sleep(this.#loadTime());
    };
    instance.mutating++;
    await instance.cache.mutate(targets, write, { strict }).catch((error: unknown) => {
      this.ledger.note(`${instance.name} mutate ${keys.join()}: ${String(error)}`);
    });
    instance.mutating--;
    this.ledger.note(`${instance.name} mutate ${keys.join()} done`);
    if (!instance.alive || began === 0) return;
    const state = faults.length === 0 ? 'ok' : 'queued';
    const taken = { l2: state, l3: state, durable: faults.length === 0 } as const;
    this.ledger.invalidated({ instance: instance.name, versions, began, taken, soft: false });
  }

  async #write(instance: Instance, keys: readonly string[], how: Write): Promise<void> {
    const versions = this.ledger.change(keys);
    const began = this.schedule.now;
    instance.wroteAt = began;
    this.ledger.note(
      `${instance.name} ${how} ${versions.map(([key, version]) => `${key}<v${version}`).join(' ')}`,
    );
    const [[key, version]] = versions;
    const ended = how === 'set' ? this.ledger.setting(key, version) : undefined;
    const tag = this.#random() < 0.5 ? 'late' : 'early';
    const taken = await this.#written(instance, how, { key, version }, ['late', tag]);
    this.ledger.note(
      `${instance.name} ${how} ${key}<v${version} done: l2 ${taken.l2}, l3 ${taken.l3}`,
    );
    ended?.(taken);
    const soft = SOFT.includes(how);
    if (instance.alive)
      this.ledger.invalidated({ instance: instance.name, versions, began, taken, soft });
  }

  #written(
    { cache }: Instance,
    how: Write,
    value: Value,
    tags: readonly string[],
  ): Promise<Receipt> {
    const { key } = value;
    return {
      delete: () => cache.delete(key),
      set: () => cache.set(key, value, { tags: ['early', 'late'] }),
      expire: () => cache.expire(key),
      tag: () => cache.invalidateTags(tags),
      'soft tag': () => cache.invalidateTags(tags, { soft: true }),
      pattern: () => cache.invalidatePattern('a:*'),
      clear: () => cache.clear(),
    }[how]();
  }

  /** Options that few calls give. */
  #seldom(): EntryOptions {
    return {
      ...(this.#happens(0.1) ? { forceFresh: true } : {}),
      ...(this.#happens(0.2) ? { timeout: 20 } : {}),
    };
  }

  /** Only where a run is to be rich. */
  #happens(share: number): boolean {
    return this.setting.rich && this.#random() < share;
  }

  #loadTime(): number {
    const { slowest } = this.setting;
    if (slowest > 0 && this.#random() < 0.25) return this.#random() * slowest;
    return this.#random() < 0.9 ? this.#random() * 20 : this.#random() * 400;
  }

  #random(): number {
    return this.schedule.random();
  }
}
