/** What goes wrong with the stores, with the ways to them, or with an instance. */
import type { Instance, Servers } from './instance.js';
import type { Ledger } from './ledger.js';
import type { RedisStore } from './redis-store.js';
import type { Schedule } from './schedule.js';

export const FAULTS = [
  'cut',
  'freeze',
  'flush',
  'old-snapshot',
  'older-snapshot',
  'failover',
  'evict',
  'repeat',
  'down',
  'crash',
  'pg-cut',
  'pg-freeze',
  'pg-down',
  'pg-restart',
  'pg-failover',
  'apart',
  'slow',
  'orphan',
  'half-written',
  'half-committed',
  'clock-jump',
  'picky',
] as const;
export type Fault = (typeof FAULTS)[number];

/** The run that things go wrong in. */
export interface Scene {
  readonly schedule: Schedule;
  readonly ledger: Ledger;
  readonly servers: Servers;
  readonly redis: RedisStore;
  /** Stores that this run uses. */
  readonly stores: readonly (keyof Servers)[];
  readonly instances: () => readonly Instance[];
  /** What servers' wall clocks show beside the time. */
  readonly wall: Record<keyof Servers, number>;
  crash(instance: Instance, replaced?: boolean): void;
  /** Everything is removed by a tag, a few times. */
  bump(after: number, during: number): void;
  /** From then on nobody writes. */
  readonly quietFrom: number;
  /** This one changes a key under guard, and crashes after its commit. */
  dieWriting(instance: Instance): void;
  /** This one changes a key in a transaction, and may crash when that has been committed. */
  commit(instance: Instance, dies: boolean): void;
  /** One more starts. */
  join(): Instance;
  /** This one removes a key. */
  remove(instance: Instance): void;
  /** Everybody asks the shared stores. */
  probe(after: number, during: number): void;
  /** Everybody asks at once. */
  readonly burst: (after: number, during: number) => void;
}

const HOUR = 3_600_000;
/** So long a reader waits for PostgreSQL, ms. */
const BUDGET = 50;
/** Many loads take less. */
const LOAD_MS = 40;
/** Longer than a process remembers what it has changed, ms. */
export const REMEMBERED_MS = 11_000;
/** How far a replica is behind, and for how long two servers are taken for the master, ms. */
const [LAG_MS, SPLIT_MS] = [300, 1_500];
/** Within which a store is found again, ms. */
const AGAIN = { redis: 300, database: 1_300 };

type Happen = (scene: Scene) => void;

const HAPPEN: Readonly<Record<Fault, Happen>> = {
  cut: ({ schedule, instances }) => schedule.pick(instances()).cut('redis', 0.7),
  freeze: ({ schedule, servers }) => servers.redis.freeze(schedule.between(5, 1_500)),
  flush: ({ schedule, redis }) => {
    if (schedule.random() < 0.5) redis.flush();
    else redis.flushWithNextChange = true;
  },
  'old-snapshot': (scene) => snapshot(scene, scene.schedule.between(10, 800)),
  'older-snapshot': (scene) => snapshot(scene, REMEMBERED_MS),
  // What the replica had not heard of is lost; some talk to the old master for a while, who goes on.
  failover: ({ schedule, ledger, redis, servers, instances }) => {
    const replica = redis.snapshot();
    const since = schedule.now;
    const split = schedule.random() < 0.5 ? SPLIT_MS : 0;
    schedule.after(schedule.between(0, LAG_MS), () => {
      ledger.fault('a replica takes over');
      servers.redis.promote(replica);
      ledger.lost(since, schedule.now + split + LAG_MS);
      for (const { name, clients } of instances())
        for (const client of clients)
          schedule.after(schedule.between(0, split), () => {
            ledger.fault(`${client.name} of ${name} follows it`);
            servers.redis.follow(client);
          });
    });
  },
  repeat: ({ schedule, redis, servers, stores }) => {
    if (schedule.pick(stores) === 'redis') redis.repeatNextMessage = true;
    else servers.database.store.repeatNextMessage = true;
  },
  evict: ({ schedule, redis, instances }) => {
    if (schedule.random() < 0.3) redis.loseNextMessage = true;
    else redis.evict(() => schedule.random());
    // Who connects anew has to ask for what is gone.
    if (schedule.random() < 0.5) schedule.pick(instances()).cut('redis', 1);
  },
  down: (scene) => {
    // Away for a moment, or started anew with all it had.
    if (scene.schedule.random() < 0.5) scene.redis.restore();
    down(scene, 'redis');
  },
  crash: (scene) => {
    // Rather one that is in the middle of something.
    const busy = scene.instances().filter(({ mutating }) => mutating > 0);
    scene.crash(scene.schedule.pick(busy.length > 0 ? busy : scene.instances()));
  },
  'pg-cut': ({ schedule, instances }) => schedule.pick(instances()).cut('database', 0.7),
  'pg-freeze': ({ schedule, servers, burst }) => {
    const ms = schedule.between(5, 1_500);
    servers.database.freeze(ms);
    // Those who ask just before are answered together with what has waited for long.
    burst(ms - BUDGET, 2 * BUDGET);
  },
  'pg-down': (scene) => down(scene, 'database'),
  'pg-restart': (scene) => {
    const { database } = scene.servers;
    const end = (): void => {
      database.end(() => database.store.restart());
      down(scene, 'database');
    };
    if (scene.schedule.random() < 0.5) end();
    else
      database.stall(() => {
        scene.ledger.fault('numbers are lost');
        end();
        // Those numbers are given out again while loads of before are under way.
        scene.bump(1_000, 1_500);
      });
  },
  'pg-failover': (scene) => {
    const { database } = scene.servers;
    const lost = scene.schedule.between(0, 500);
    database.end(() => database.store.failover(lost));
    down(scene, 'database');
  },
  apart: (scene) => {
    const { schedule, ledger } = scene;
    const instance = schedule.pick(scene.instances());
    const store = schedule.pick(scene.stores);
    ledger.fault(`${instance.name} apart from ${store}`);
    instance.part(store);
    const ms = schedule.between(50, 1_500);
    schedule.after(ms, () => {
      ledger.fault('together again');
      instance.rejoin(store);
    });
    scene.burst(ms, AGAIN[store]);
  },
  slow: ({ schedule, ledger, stores, instances }) => {
    const instance = schedule.pick(instances());
    const store = schedule.pick(stores);
    ledger.fault(`${instance.name} is slow to reach ${store}`);
    instance.slow(store, schedule.between(5, 40), schedule.between(100, 1_500));
  },
  // Whoever could not reach a store is gone before it can.
  orphan: (scene) => {
    // Mostly when nobody writes any more, who would remove it as well.
    const { schedule } = scene;
    const wait = schedule.random() < 0.7 ? Math.max(scene.quietFrom - schedule.now, 0) : 0;
    schedule.after(wait, () => orphan(scene));
  },
  // A writer is gone between its commit and the end of its guard, and others load meanwhile.
  'half-written': (scene) => {
    const { schedule } = scene;
    const wait = schedule.random() < 0.8 ? Math.max(scene.quietFrom - schedule.now, 0) : 0;
    schedule.after(wait + LOAD_MS, () => {
      scene.dieWriting(schedule.pick(scene.instances()));
      // Who comes in meanwhile has not heard of it, and may not be told in time.
      if (schedule.random() < 0.5)
        schedule.after(schedule.between(1, LOAD_MS), () =>
          scene.join().slow('redis', schedule.between(1, 40), 5 * LOAD_MS),
        );
    });
    scene.burst(wait, 3 * LOAD_MS);
  },
  // A process is gone between the commit of its transaction and what it has to tell of it.
  'half-committed': (scene) => {
    const { schedule } = scene;
    const wait = schedule.random() < 0.7 ? Math.max(scene.quietFrom - schedule.now, 0) : 0;
    const dies = schedule.random() < 0.7;
    schedule.after(wait + LOAD_MS, () => scene.commit(schedule.pick(scene.instances()), dies));
    scene.burst(wait, 3 * LOAD_MS);
  },
  // Redis ends leases by its wall clock: set back, it would keep one whose owner is gone for as long.
  'clock-jump': ({ schedule, ledger, stores, wall }) => {
    const store = schedule.pick(stores);
    const jump = schedule.between(store === 'redis' ? 0 : -HOUR, HOUR);
    ledger.fault(`the clock of ${store} jumps by ${jump.toFixed(0)} ms`);
    wall[store] += jump;
  },
  // What one keeps out of a tier must not make anything else wrong.
  picky: ({ schedule, instances }) => {
    schedule.pick(instances()).picky = true;
  },
};

export function happen(fault: Fault, scene: Scene): void {
  scene.ledger.fault(fault);
  HAPPEN[fault](scene);
}

/** What Redis has now is back after so long. */
function snapshot({ schedule, ledger, redis, servers }: Scene, ms: number): void {
  const old = redis.snapshot();
  schedule.after(ms, () => {
    ledger.fault('the snapshot is back');
    redis.restore(old);
    servers.redis.cutAll();
  });
}

function orphan(scene: Scene): void {
  const { schedule, ledger, instances } = scene;
  const store = schedule.pick(scene.stores);
  const alone = schedule.random() < 0.5 ? schedule.pick(instances()) : undefined;
  const away = schedule.between(300, 1_500);
  if (alone) {
    ledger.fault(`${alone.name} apart from ${store}`);
    alone.part(store);
  } else {
    ledger.awayForAll = true;
    schedule.after(away, () => (ledger.awayForAll = false));
    down(scene, store, away);
  }
  // Mostly something is written meanwhile, by the one that is to go.
  schedule.after(away * 0.3, () => scene.remove(alone ?? schedule.pick(instances())));
  schedule.after(away * 0.8, () => {
    const writer = alone ?? latest(instances());
    // Nobody starts in its place, who would look into all books at once.
    if (writer.alive) scene.crash(writer, false);
  });
  // Everybody asks the stores as soon as they are back, and memory is not asked.
  scene.probe(away, 1_000);
}

function latest(instances: readonly Instance[]): Instance {
  return instances.reduce((one, other) => (other.wroteAt > one.wroteAt ? other : one));
}

function down(scene: Scene, store: keyof Servers, ms = scene.schedule.between(50, 1_500)): void {
  const { schedule, ledger, servers } = scene;
  const server = servers[store];
  server.down = true;
  server.cutAll();
  schedule.after(ms, () => {
    ledger.fault(`${store} is up again`);
    server.down = false;
  });
  scene.burst(ms, AGAIN[store]);
}
