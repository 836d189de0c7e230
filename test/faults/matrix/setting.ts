/** What rows start: servers, ways, instances of one application. All of it ends with its row. */
import { Redis, type RedisOptions } from 'ioredis';
import type { L2Options } from '../../../libs/multi-level-cache/src/core/options.js';
import type { TierState } from '../../../libs/multi-level-cache/src/core/tier.js';
import type { CacheManager } from '../../../libs/multi-level-cache/src/manager/cache-manager.js';
import { atEnd, kept } from '../../support/ends.js';
import { FaultProxy } from '../../support/fault-proxy.js';
import { startRedis, type Server } from '../../support/servers.js';

/** The budget of a read, ms. */
export const BUDGET = 20;
/** The same where it is not what the row is about, and a busy machine must not be taken for a slow Redis. */
export const AMPLE = 200;
/** As connections call themselves. */
export const COMMANDS = 'mlc-commands';
export const BACKPLANE = 'mlc-tail';

export function ownRedis(...args: string[]): Promise<Server> {
  return kept(startRedis({ args }));
}

/** A way to the server on which faults happen. */
export function wayTo({ url }: { readonly url: string }): Promise<FaultProxy> {
  return kept(FaultProxy.start(url));
}

/** Speaks to the server past the cache. */
export function adminOf({ url }: { readonly url: string }): Redis {
  // Servers come and go under it, and say why they do not answer yet.
  const admin = new Redis(url, { enableReadyCheck: false });
  admin.on('error', () => undefined);
  atEnd(() => admin.disconnect());
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
