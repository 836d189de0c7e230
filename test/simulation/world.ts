/** Several instances of the production cache over a simulated Redis: what they do, and what goes wrong meanwhile. */
import type {
  RedisClientLike,
  ResolvedOptions,
} from '../../libs/multi-level-cache/src/core/options.js';
import {
  createCache,
  type CacheRoot,
} from '../../libs/multi-level-cache/src/manager/create-cache.js';
import type { LoaderContext } from '../../libs/multi-level-cache/src/manager/cache-manager.js';
import { MemoryTier } from '../../libs/multi-level-cache/src/tiers/memory/memory-tier.js';
import { RedisTier } from '../../libs/multi-level-cache/src/tiers/redis/redis-tier.js';
import { Ledger, RECOVERY, type Violation } from './ledger.js';
import { RedisServer, type SimulatedClient } from './redis-client.js';
import { RedisStore } from './redis-store.js';
import { chance, ProcessClock, Schedule } from './schedule.js';

/** What goes wrong with Redis, with the way to it, or with an instance. */
export const FAULTS = ['cut', 'freeze', 'flush', 'old-snapshot', 'evict', 'down', 'crash'] as const;
export type Fault = (typeof FAULTS)[number];

export interface WorldOptions {
  readonly seed: number;
  readonly faults: readonly Fault[];
}

interface Value {
  readonly key: string;
  readonly version: number;
}

interface Instance {
  readonly name: string;
  readonly cache: CacheRoot;
  readonly clock: ProcessClock;
  readonly clients: SimulatedClient[];
  alive: boolean;
  running: number;
}

const INSTANCES = 3;
const KEYS = ['a:1', 'a:2', 'b:1'];
const OPERATIONS = 70;
/** Of the random part, ms. */
const SPAN = 2_500;
/** Longer than a lease whose owner is gone. */
const HARD_TIMEOUT = 5_000;

/** For a value that nobody is loading, while nothing is wrong; shorter than a lease. */
const PATIENCE = 1_000;

const LIFE = {
  ttl: 3_600_000,
  grace: 0,
  hardTimeout: HARD_TIMEOUT,
  partitionTtl: 5_000,
  timeout: undefined,
  negativeTtl: undefined,
  jitter: 0,
  refreshAhead: 0,
};

export class World {
  readonly #random: () => number;
  readonly #schedule: Schedule;
  readonly #server: RedisServer;
  readonly #store: RedisStore;
  readonly #ledger: Ledger;
  #instances: Instance[] = [];
  #made = 0;

  constructor(readonly options: WorldOptions) {
    this.#random = chance(options.seed);
    this.#schedule = new Schedule(this.#random);
    this.#ledger = new Ledger(this.#schedule);
    this.#store = new RedisStore(
      () => 1_700_000_000_000 + this.#schedule.now,
      50,
      () => this.#ledger.fault('data is gone'),
    );
    this.#server = new RedisServer(this.#schedule, this.#store, () => this.#latency());
  }

  get log(): readonly string[] {
    return this.#ledger.log;
  }

  /** One whole run. */
  async run(): Promise<readonly Violation[]> {
    for (let made = 0; made < INSTANCES; made++) this.#start();
    await this.#schedule.runUntil(50);
    for (let left = OPERATIONS; left > 0; left--)
      this.#schedule.at(50 + this.#random() * SPAN, () => this.#operate());
    const faults = this.options.faults.length === 0 ? 0 : 1 + Math.floor(this.#random() * 3);
    for (let left = faults; left > 0; left--)
      this.#schedule.at(50 + this.#random() * SPAN, () => this.#fault());
    await this.#schedule.runUntil(SPAN + RECOVERY);
    if (this.#running > 0) this.#ledger.violate('G5', `${this.#running} calls never ended`);
    await this.#readAll();
    for (const { cache, alive } of this.#instances) if (alive) void cache.close();
    await this.#schedule.runUntil(this.#schedule.now + 10_000);
    return this.#ledger.violations;
  }

  #start(): void {
    const name = `i${this.#made++}`;
    const clock = new ProcessClock(this.#schedule, this.#schedule.between(0, 900_000));
    const clients: SimulatedClient[] = [];
    const client = {
      isCluster: false,
      options: {},
      duplicate: ({ connectionName }: { connectionName?: string }) => {
        const made = this.#server.client(connectionName);
        clients.push(made);
        return made;
      },
    } as unknown as RedisClientLike;
    const l1 = {
      maxEntries: 1_000,
      maxSize: 1_000_000,
      ttl: undefined,
      keepStale: false,
      isolation: undefined,
    };
    const l2 = { client, budget: 20 };
    const options = {
      namespace: 'sim',
      l1,
      l2,
      l3: false,
      warming: false,
      defaults: LIFE,
    } as ResolvedOptions;
    const tiers = {
      l1: new MemoryTier(l1, clock),
      l2: new RedisTier(l2, { namespace: 'sim', clock, random: this.#random }),
      l3: null,
    };
    const cache = createCache(options, tiers, clock, this.#random);
    const instance: Instance = { name, cache, clock, clients, alive: true, running: 0 };
    this.#instances.push(instance);
    void cache.open();
  }

  #operate(): void {
    const instance = this.#schedule.pick(this.#instances);
    const key = this.#schedule.pick(KEYS);
    const dice = this.#random();
    if (dice < 0.55) this.#track(instance, this.#read(instance, key));
    else if (dice < 0.72) this.#track(instance, this.#invalidate(instance, [key], 'delete'));
    else if (dice < 0.8) this.#track(instance, this.#invalidate(instance, [key], 'set'));
    else if (dice < 0.88) this.#track(instance, this.#invalidate(instance, [key], 'expire'));
    else if (dice < 0.94) this.#track(instance, this.#invalidate(instance, KEYS, 'tag'));
    else if (dice < 0.97)
      this.#track(instance, this.#invalidate(instance, KEYS.slice(0, 2), 'pattern'));
    else this.#track(instance, this.#invalidate(instance, KEYS, 'clear'));
  }

  #track(instance: Instance, work: Promise<void>): void {
    instance.running++;
    void work.finally(() => instance.running--);
  }

  async #read(instance: Instance, key: string): Promise<void> {
    const least = this.#ledger.least(instance.name, key);
    const began = this.#schedule.now;
    const load = async (_key: string, context: LoaderContext): Promise<Value> => {
      await this.#schedule.sleep(this.#loadTime());
      const version = this.#ledger.version(key);
      await this.#schedule.sleep(this.#loadTime());
      // Known only now: a late tag.
      context.setOptions({ tags: ['late'] });
      return { key, version };
    };
    const options = this.#random() < 0.5 ? { tags: ['early'] } : {};
    let value: Value;
    try {
      value =
        this.#random() < 0.25
          ? ((await instance.cache.get<Value>(key)) ?? { key, version: Infinity })
          : await instance.cache.getOrSet(key, load, options);
    } catch (error) {
      this.#ledger.note(`${instance.name} read ${key}: ${String(error)}`);
      return;
    }
    if (!instance.alive) return;
    this.#ledger.note(
      `${instance.name} read ${key} v${value.version}, asked at ${began.toFixed(1)}`,
    );
    if (value.key !== key) this.#ledger.violate('keys', `${key} answered with ${value.key}`);
    if (value.version < least)
      this.#ledger.violate(
        'G1/G2',
        `${instance.name} read ${key} v${value.version}, v${least} was due`,
      );
  }

  async #invalidate(
    instance: Instance,
    keys: readonly string[],
    how: 'delete' | 'set' | 'expire' | 'tag' | 'pattern' | 'clear',
  ): Promise<void> {
    const now = this.#ledger.change(keys);
    const began = this.#schedule.now;
    this.#ledger.note(
      `${instance.name} ${how} ${now.map(([key, version]) => `${key}<v${version}`).join(' ')}`,
    );
    const { cache } = instance;
    const [[key, version]] = now;
    const ended = how === 'set' ? this.#ledger.setting(key, version) : undefined;
    const tag = this.#random() < 0.5 ? 'late' : 'early';
    const receipt = await {
      delete: () => cache.delete(key),
      set: () => cache.set(key, { key, version } satisfies Value, { tags: ['early', 'late'] }),
      expire: () => cache.expire(key),
      tag: () => cache.invalidateTags(['late', tag]),
      pattern: () => cache.invalidatePattern('a:*'),
      clear: () => cache.clear(),
    }[how]();
    this.#ledger.note(`${instance.name} ${how} ${key}<v${version} done: l2 ${receipt.l2}`);
    const confirmed = receipt.l2 === 'ok';
    ended?.(confirmed);
    if (instance.alive) this.#ledger.invalidated(instance.name, now, began, confirmed);
  }

  #fault(): void {
    const fault = this.#schedule.pick(this.options.faults);
    this.#ledger.fault(fault);
    const store = this.#store;
    switch (fault) {
      case 'cut':
        this.#cut(0.7);
        break;
      case 'freeze':
        this.#server.freeze(this.#schedule.between(5, 1_500));
        break;
      case 'flush':
        if (this.#random() < 0.5) store.flush();
        else store.flushWithNextChange = true;
        break;
      case 'old-snapshot': {
        const old = store.snapshot();
        this.#schedule.after(this.#schedule.between(10, 800), () => {
          this.#ledger.fault('the snapshot is back');
          store.restore(old);
          this.#server.cutAll();
        });
        break;
      }
      case 'evict':
        if (this.#random() < 0.3) store.loseNextMessage = true;
        else store.evict(this.#random);
        // Who connects anew has to ask for what is gone.
        if (this.#random() < 0.5) this.#cut(1);
        break;
      case 'down':
        this.#server.down = true;
        this.#server.cutAll();
        this.#burst(this.#schedule.between(50, 1_500), () => {
          this.#ledger.fault('up again');
          this.#server.down = false;
        });
        break;
      case 'crash':
        this.#crash(this.#schedule.pick(this.#instances));
        break;
    }
  }

  /** What everybody asks for as soon as Redis is back, when what is owed to it has not been paid yet. */
  #burst(ms: number, back: () => void): void {
    this.#schedule.after(ms, back);
    for (let left = 15; left > 0; left--)
      this.#schedule.after(ms + this.#schedule.between(0, 300), () => {
        const instance = this.#schedule.pick(this.#instances);
        this.#track(instance, this.#read(instance, this.#schedule.pick(KEYS)));
      });
  }

  #cut(share: number): void {
    for (const client of this.#schedule.pick(this.#instances).clients)
      if (this.#random() < share) client.cut();
  }

  #crash(instance: Instance): void {
    instance.alive = false;
    instance.clock.stop();
    this.#ledger.crashed(instance.name);
    for (const client of instance.clients) client.disconnect();
    this.#instances = this.#instances.filter((other) => other !== instance);
    this.#start();
  }

  /** Quiet again: every instance must know what was removed, whoever removed it. */
  async #readAll(): Promise<void> {
    for (const instance of this.#instances)
      for (const key of KEYS) this.#track(instance, this.#last(instance, key));
    await this.#schedule.runUntil(this.#schedule.now + 2 * HARD_TIMEOUT);
    if (this.#running > 0)
      this.#ledger.violate('liveness', `${this.#running} readers wait for ever`);
  }

  async #last(instance: Instance, key: string): Promise<void> {
    const least = this.#ledger.leastAtLast(instance.name, key);
    const load = (): Value => ({ key, version: this.#ledger.version(key) });
    const began = this.#schedule.now;
    const value = await instance.cache.getOrSet(key, load).catch((error: unknown) => {
      this.#ledger.violate('liveness', `${instance.name} cannot have ${key}: ${String(error)}`);
      return { key, version: Infinity };
    });
    this.#ledger.note(`${instance.name} at last ${key} v${value.version}`);
    if (this.#schedule.now - began > PATIENCE)
      this.#ledger.violate(
        'liveness',
        `${instance.name} waited for ${key} long after all was well`,
      );
    if (value.version < least)
      this.#ledger.violate(
        'G4/G6',
        `${instance.name} at last ${key} v${value.version}, due v${least}`,
      );
  }

  /** Calls of living instances that have not ended. */
  get #running(): number {
    return this.#instances.reduce((sum, { running }) => sum + running, 0);
  }

  /** Mostly quick, now and then longer than a tier's budget. */
  #latency(): number {
    const dice = this.#random();
    if (dice < 0.9) return 0.05 + this.#random() * 1.5;
    return dice < 0.98 ? this.#random() * 8 : this.#random() * 25;
  }

  #loadTime(): number {
    return this.#random() < 0.9 ? this.#random() * 20 : this.#random() * 400;
  }
}
