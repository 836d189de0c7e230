/** What rows start: servers, ways, instances of one application. All of it ends with its row. */
import { Redis, type RedisOptions } from 'ioredis';
import { afterEach } from 'vitest';
import type { L2Options } from '../../../libs/multi-level-cache/src/core/options.js';
import type { TierState } from '../../../libs/multi-level-cache/src/core/tier.js';
import type { CacheManager } from '../../../libs/multi-level-cache/src/manager/cache-manager.js';
import { closeCaches } from '../../support/cache.js';
import { FaultProxy } from '../../support/fault-proxy.js';
import { startRedis, type Server } from '../../support/servers.js';

/** The budget of a read, ms. */
export const BUDGET = 20;
/** The same where it is not what the row is about, and a busy machine must not be taken for a slow Redis. */
export const AMPLE = 200;
/** As connections call themselves. */
export const COMMANDS = 'mlc-commands';
export const BACKPLANE = 'mlc-tail';

const ends: (() => Promise<unknown>)[] = [];

/** To be called once by a file of rows. */
export function endRows(): void {
  afterEach(async () => {
    await closeCaches();
    for (const end of ends.splice(0).toReversed()) await end();
  });
}

/** Calls this when the row has ended, caches first. */
export function atEnd(end: () => Promise<unknown>): void {
  ends.push(end);
}

export async function ownRedis(...args: string[]): Promise<Server> {
  const server = await startRedis({ args });
  atEnd(() => server.stop());
  return server;
}

/** A way to the server on which faults happen. */
export async function wayTo({ url }: { readonly url: string }): Promise<FaultProxy> {
  const proxy = await FaultProxy.start(url);
  atEnd(() => proxy.stop());
  return proxy;
}

/** Speaks to the server past the cache. */
export function adminOf({ url }: { readonly url: string }): Redis {
  // Servers come and go under it, and say why they do not answer yet.
  const admin = new Redis(url, { enableReadyCheck: false });
  admin.on('error', () => undefined);
  atEnd(() => Promise.resolve(admin.disconnect()));
  return admin;
}

/** A way to Redis that counts how many commands wait for their replies. */
export class Watched {
  most = 0;
  readonly l2: Partial<L2Options>;

  constructor(url: string) {
    const waiting = (count: number): void => {
      this.most = Math.max(this.most, count);
    };
    class Counting extends Redis {
      override sendCommand(...sent: Parameters<Redis['sendCommand']>): unknown {
        const reply = super.sendCommand(...sent);
        const { commandQueue } = this as unknown as { readonly commandQueue: { length: number } };
        waiting(commandQueue.length);
        return reply;
      }
    }
    const duplicate = (settings: RedisOptions): Redis => new Counting(url, settings);
    this.l2 = { client: { isCluster: false, duplicate } };
  }
}

/** States of one tier as an application is told them, with their times. */
export class States {
  readonly told: { readonly state: TierState; readonly at: number }[] = [];

  constructor(
    readonly cache: CacheManager,
    readonly name: 'l2' | 'l3' = 'l2',
  ) {
    cache.on('tier', ({ tier, state }) => {
      if (tier === name) this.told.push({ state, at: performance.now() });
    });
  }

  /** When it was first told after this moment that the tier is up, or is not; `undefined` = not yet. */
  since(moment: number, up: boolean): number | undefined {
    return this.told.find(({ at, state }) => at >= moment && (state === 'up') === up)?.at;
  }

  /** How often it was told of this state. */
  count(state: TierState): number {
    return this.told.filter((one) => one.state === state).length;
  }
}
