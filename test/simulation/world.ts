/** Several instances of the production cache over simulated stores: a run, from its first to its last event. */
import { DatabaseServer } from './database-client.js';
import { DatabaseStore } from './database-store.js';
import { FAULTS, happen, type Scene } from './faults.js';
import { HARD_TIMEOUT, Instance, type Servers } from './instance.js';
import { Ledger, RECOVERY, type Violation } from './ledger.js';
import { KEYS, Operations } from './operations.js';
import { RedisServer } from './redis-client.js';
import { RedisStore } from './redis-store.js';
import { seeded } from '../support/random.mjs';
import { Schedule } from './schedule.js';
import { settingOf, TIERS, type Setting, type WorldOptions } from './setting.js';

export { FAULTS, TIERS };
export type { WorldOptions };

const INSTANCES = 3;
const OPERATIONS = 70;
/** Calls at a time when many ask, at least. */
const BURST = 15;
const BUMPS = 3;
/** Of the random part, ms. */
const SPAN = 2_500;
/** 2023, in the middle of November. */
const EPOCH = 1_700_000_000_000;
/** Longer than a message takes while nothing is wrong. */
const DELIVERY = 60;

export class World {
  readonly #random: () => number;
  readonly #schedule: Schedule;
  readonly #setting: Setting;
  readonly #ledger: Ledger;
  readonly #scene: Scene;
  readonly #operations: Operations;
  #instances: Instance[] = [];
  #made = 0;

  constructor(readonly options: WorldOptions) {
    this.#random = seeded(options.seed);
    this.#schedule = new Schedule(this.#random);
    this.#setting = settingOf(options);
    const { l2, l3, losesData } = this.#setting;
    this.#ledger = new Ledger(this.#schedule, DELIVERY, losesData);
    this.#operations = new Operations(this.#schedule, this.#ledger, this.#setting);
    const wall = { redis: EPOCH, database: EPOCH };
    const redis = new RedisStore(
      () => wall.redis + this.#schedule.now,
      50,
      () => this.#ledger.fault('data is gone'),
    );
    const database = new DatabaseStore(this.#schedule, () => wall.database + this.#schedule.now);
    const latency = (): number => this.#latency();
    const servers: Servers = {
      redis: new RedisServer(this.#schedule, redis, latency),
      database: new DatabaseServer(this.#schedule, database, latency),
    };
    this.#scene = {
      schedule: this.#schedule,
      ledger: this.#ledger,
      servers,
      redis,
      wall,
      stores: [l2 ? (['redis'] as const) : [], l3 ? (['database'] as const) : []].flat(),
      instances: () => this.#instances,
      crash: (instance, replaced) => this.#crash(instance, replaced),
      join: () => this.#start(),
      probe: (after, during) => this.#probe(after, during),
      bump: (after, during) => this.#bump(after, during),
      quietFrom: 50 + SPAN,
      dieWriting: (instance) =>
        this.#operations.dieWriting(instance, () => this.#crash(instance, false)),
      commit: (instance, dies) =>
        this.#operations.commit(
          instance,
          database,
          dies ? () => this.#crash(instance, false) : undefined,
        ),
      remove: (instance) => this.#operations.remove(instance),
      burst: (after, during) => this.#burst(after, during),
    };
  }

  get log(): readonly string[] {
    return this.#ledger.log;
  }

  /** One whole run. */
  async run(): Promise<readonly Violation[]> {
    for (let made = 0; made < INSTANCES; made++) this.#start();
    await this.#schedule.runUntil(50);
    for (let left = OPERATIONS; left > 0; left--)
      this.#schedule.at(50 + this.#random() * SPAN, () =>
        this.#operations.any(this.#schedule.pick(this.#instances)),
      );
    const { faults } = this.#setting;
    for (let left = faults.length === 0 ? 0 : 1 + Math.floor(this.#random() * 3); left > 0; left--)
      this.#schedule.at(50 + this.#random() * SPAN, () =>
        happen(this.#schedule.pick(faults), this.#scene),
      );
    // The slowest loads may begin late, and once more for who joined them before a tag was bumped.
    const { slowest, longest } = this.#setting;
    await this.#schedule.runUntil(SPAN + RECOVERY + 3 * slowest + longest);
    if (this.#running > 0) this.#ledger.violate('G5', `${this.#running} calls never ended`);
    await this.#readAll();
    for (const { cache, alive } of this.#instances) if (alive) void cache.close();
    await this.#schedule.runUntil(this.#schedule.now + 10_000);
    return this.#ledger.violations;
  }

  /** Sealed messages and debts that somebody did not believe. */
  get refused(): number {
    return this.#instances.reduce((sum, { refused }) => sum + refused, 0);
  }

  #start(): Instance {
    const name = `i${this.#made++}`;
    const instance = new Instance(name, this.#schedule, this.#scene.servers, this.#setting);
    this.#instances.push(instance);
    return instance;
  }

  /** What everybody asks for as soon as a store is back, when what is owed to it has not been paid yet. */
  #burst(after: number, during: number): void {
    for (let left = Math.max(during / 20, BURST); left > 0; left--)
      this.#schedule.after(after + this.#schedule.between(0, during), () => {
        const instance = this.#schedule.pick(this.#instances);
        instance.track(this.#operations.read(instance, this.#schedule.pick(KEYS)));
      });
  }

  #bump(after: number, during: number): void {
    for (let left = BUMPS; left > 0; left--)
      this.#schedule.after(after + this.#schedule.between(0, during), () =>
        this.#operations.bump(this.#schedule.pick(this.#instances)),
      );
  }

  #probe(after: number, during: number): void {
    for (let left = during / 10; left > 0; left--)
      this.#schedule.after(after + this.#schedule.between(0, during), () => {
        const instance = this.#schedule.pick(this.#instances);
        instance.track(this.#operations.probe(instance, this.#schedule.pick(KEYS)));
      });
  }

  #crash(instance: Instance, replaced = true): void {
    this.#ledger.crashed(instance.name);
    instance.crash();
    this.#instances = this.#instances.filter((other) => other !== instance);
    if (replaced || this.#instances.length < 2) this.#start();
  }

  async #readAll(): Promise<void> {
    for (const instance of this.#instances)
      for (const key of KEYS) instance.track(this.#operations.last(instance, key));
    await this.#schedule.runUntil(this.#schedule.now + 2 * HARD_TIMEOUT);
    if (this.#running > 0)
      this.#ledger.violate('liveness', `${this.#running} readers wait for ever`);
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
}
