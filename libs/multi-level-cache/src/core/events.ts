/** Typed events of a cache, told to listeners in the caller's own async context. */
import { channel, type Channel } from 'node:diagnostics_channel';
import type { CacheErrorCode } from './errors.js';
import type { CacheAction } from './security.js';
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
  /** A loader has not answered within its `hardTimeout`. */
  late: { readonly cache: string; readonly afterMs: number };
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
  /** A call that memory could not answer came to its end; a write, where it was made. Above 1,000 a second a part of them is told. */
  operation: {
    readonly cache: string;
    readonly operation: OperationName;
    readonly durationMs: number;
    /** Of reads: who answered, if anybody did. */
    readonly result?: 'hit' | 'stale' | 'miss' | 'error';
    readonly error?: unknown;
  };
  /**
   * A tier was asked for something and answered, failed, or took too long. Of hits in memory one in 1,024 is told; of a lower tier,
   * above 1,000 a second, a part.
   */
  tierOperation: {
    readonly tier: TierName;
    readonly operation: TierOperationName;
    readonly durationMs: number;
    /** Of an entry, where there was one and its size is known. */
    readonly bytes?: number;
    readonly error?: unknown;
  };
  /** A tier had bytes that are not what this application wrote. */
  corrupt: { readonly cache: string; readonly tier: TierName };
  /** A call was refused, or a value not kept, for the sake of whoever made it. */
  denied: {
    readonly cache: string;
    readonly action: CacheAction;
    readonly code: CacheErrorCode;
  };
  /** What an instance changed has been heard here, over Redis; PostgreSQL does not say when it was told. */
  heard: {
    /** From its change to now, by the clock of the store that told it. */
    readonly lagMs: number;
  };
  /** Other instances are not heard any more, or are again. */
  backplane: { readonly state: 'deaf' | 'recovered' };
  /** A round of warming has ended. */
  warmed: {
    readonly planned: number;
    readonly loaded: number;
    readonly alreadyFresh: number;
    readonly failed: number;
    readonly overBudget: number;
    readonly durationMs: number;
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

/** What a caller asked for. */
export type OperationName =
  | 'get'
  | 'get_or_load'
  | 'get_many'
  | 'set'
  | 'delete'
  | 'expire'
  | 'touch'
  | 'mutate'
  | 'invalidate_tags'
  | 'clear';
/** What a tier is asked for: to read, for the right to fill, to take a loaded value, to take a change. */
export type TierOperationName = 'get' | 'lease' | 'fill' | 'apply';

export type CacheEventName = keyof CacheEvents;
export type CacheListener<N extends CacheEventName> = (event: CacheEvents[N]) => void;

/** Names of the events, each also that of a channel. */
export const EVENT_NAMES: readonly CacheEventName[] = [
  'hit',
  'stale',
  'miss',
  'load',
  'late',
  'evict',
  'invalidate',
  'operation',
  'tierOperation',
  'corrupt',
  'denied',
  'heard',
  'backplane',
  'warmed',
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
