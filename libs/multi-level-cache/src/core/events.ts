/** Typed events of a cache, told to listeners in the caller's own async context. */
import { channel, type Channel } from 'node:diagnostics_channel';
import type { TierName, TierState } from './tier.js';

/** What each event carries. Keys are the application's own; they never go into logs or metrics from here. */
export interface CacheEvents {
  /** A fresh entry answered. */
  hit: { readonly cache: string; readonly key: string; readonly tier: TierName };
  /** A stale entry stood in while the loader failed or was late. */
  stale: { readonly cache: string; readonly key: string };
  /** No tier could answer: `get` returned `undefined`, `getOrSet` was answered by the loader. */
  miss: { readonly cache: string; readonly key: string };
  /** A loader ended. */
  load: {
    readonly cache: string;
    readonly key: string;
    readonly durationMs: number;
    readonly error?: unknown;
  };
  /** L1 gave up an entry: for space, or because it could answer no more. */
  evict: { readonly cache: string; readonly key: string; readonly reason: 'size' | 'expired' };
  /** Something was removed or made stale, here (`local`) or by another instance (`backplane`). */
  invalidate: {
    readonly kind: 'key' | 'tag';
    /** Keys of a cache, or tags. */
    readonly count: number;
    readonly origin: 'local' | 'backplane';
    readonly soft: boolean;
  };
  /** A tier went away, became slow, or came back. */
  tier: {
    readonly tier: TierName;
    readonly state: TierState;
    /** Why it is not up, as far as known. */
    readonly reason?: string;
    /** Waiting does not help: credentials, permissions or certificates have to be changed. */
    readonly config?: boolean;
  };
}

export type CacheEventName = keyof CacheEvents;
export type CacheListener<N extends CacheEventName> = (event: CacheEvents[N]) => void;

/** Names of the events, each also that of a channel. */
export const EVENT_NAMES: readonly CacheEventName[] = [
  'hit',
  'stale',
  'miss',
  'load',
  'evict',
  'invalidate',
  'tier',
];

/** What a channel carries: the event, and whose it is. */
export type ChannelMessage<N extends CacheEventName> = CacheEvents[N] & {
  readonly namespace: string;
};

/** The channel of an event in `node:diagnostics_channel`. */
export function channelName(event: CacheEventName): string {
  return `mlcache:${event}`;
}

/**
 * Tells events to listeners of this cache and to subscribers of the process's channels; nothing is built while nobody
 * listens.
 */
export class EventHub {
  readonly #listeners: { [N in CacheEventName]?: CacheListener<N>[] } = {};
  readonly #channels = Object.fromEntries(
    EVENT_NAMES.map((name) => [name, channel(channelName(name))]),
  ) as Record<CacheEventName, Channel>;
  readonly #hits = this.#channels.hit;

  constructor(readonly namespace: string) {}

  /** `has('hit')` for the path of a hit, where a member of fixed name costs a fraction of one looked up by name. */
  get hearsHits(): boolean {
    return this.#listeners.hit !== undefined || this.#hits.hasSubscribers;
  }

  has(name: CacheEventName): boolean {
    return this.#listeners[name] !== undefined || this.#channels[name].hasSubscribers;
  }

  on<N extends CacheEventName>(name: N, listener: CacheListener<N>): () => void {
    const set = (list: CacheListener<N>[] | undefined): void => {
      (this.#listeners as Record<N, CacheListener<N>[] | undefined>)[name] = list;
    };
    set([...this.#of(name), listener]);
    return () => {
      const rest = this.#of(name).filter((other) => other !== listener);
      set(rest.length > 0 ? rest : undefined);
    };
  }

  /** A listener that throws is the application's bug; it must not fail the read that told it. */
  emit<N extends CacheEventName>(name: N, event: CacheEvents[N]): void {
    for (const listener of this.#of(name)) {
      try {
        listener(event);
      } catch (error) {
        process.emitWarning(
          `a '${name}' listener of the cache threw: ${error instanceof Error ? error.name : typeof error}`,
        );
      }
    }
    const told = this.#channels[name];
    // A subscriber that throws is reported by Node as an uncaught exception, apart from this call.
    if (told.hasSubscribers) told.publish({ ...event, namespace: this.namespace });
  }

  #of<N extends CacheEventName>(name: N): readonly CacheListener<N>[] {
    return this.#listeners[name] ?? [];
  }
}
