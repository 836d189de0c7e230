/** Makes one application's cache: the one named `default`, by which the whole is opened and closed. */
import type { Audit } from '../core/audit.js';
import { chance, type Clock } from '../core/clock.js';
import type { Advice } from '../core/inspection.js';
import type { CacheSettings, ResolvedOptions } from '../core/options.js';
import type { Tracing } from '../core/tracing.js';
import type { ContextStore } from '../security/context.js';
import type { Gate } from '../security/gate.js';
import { Application, type MakeHooks, type TierSet } from './application.js';
import { Cache } from './cache.js';
import { CacheInspector } from './cache-inspector.js';
import type { CacheManager } from './cache-manager.js';
import type { CacheVault } from './cache-vault.js';
import type { TransactionHooks, Transactions } from './transactions.js';
import type { Warming } from './warming.js';

const DEFAULT_NAME = 'default';

/** The cache named `default`, and the life of the whole. */
export interface CacheRoot extends CacheManager {
  /** First contact with every tier; resolves after at most a second, whatever the tiers do. */
  open(): Promise<void>;
  /** Resolves when loads and background work have ended, or after five seconds. */
  drain(): Promise<void>;
  /**
   * `close()` will follow: no reload and no warming begins any more, no load takes longer than two seconds, everything else goes
   * on. Resolves when what was under way has ended, or after two seconds.
   */
  beginClose(): Promise<void>;
  /** Gives a named cache settings of its own; to be called before it is used. */
  declare(name: string, settings: CacheSettings): void;
  /** Warming of the whole application. */
  readonly warming: Warming;
  /** For whom calls are made. */
  readonly context: ContextStore;
  /** Who may make them. */
  readonly gate: Gate;
  /** Transactions of the application's databases. */
  readonly transactions: Transactions;
  /** How those become known. */
  readonly hooks: TransactionHooks;
  /** Keys of the encryption at rest. */
  readonly vault: CacheVault;
  /** Where a tracer is put. */
  readonly tracing: Tracing;
  /** For operators; `advice` = what the boot advisor has found. */
  inspector(advice?: () => readonly Advice[]): CacheInspector;
}

/** Makes the cache of one application. Nothing is contacted before `open()`. */
export function createCache(
  options: ResolvedOptions,
  tiers: TierSet,
  clock: Clock,
  hooks: MakeHooks,
  random: () => number = chance,
  audit?: Audit,
): CacheRoot {
  return new Root(new Application(options, tiers, clock, hooks, random, audit));
}

/** A stand-in that a test put in the cache's place is none. */
export function isRoot(cache: CacheManager): cache is CacheRoot {
  return 'open' in cache && 'drain' in cache;
}

class Root extends Cache implements CacheRoot {
  readonly #application: Application;

  constructor(application: Application) {
    super(DEFAULT_NAME, application);
    application.caches.set(DEFAULT_NAME, this);
    this.#application = application;
  }

  open(): Promise<void> {
    return this.#application.open();
  }

  drain(): Promise<void> {
    return this.#application.drain();
  }

  beginClose(): Promise<void> {
    return this.#application.parts.closing.begin();
  }

  declare(name: string, settings: CacheSettings): void {
    this.#application.declare(name, settings);
  }

  get warming(): Warming {
    return this.#application.warming;
  }

  get context(): ContextStore {
    return this.#application.context;
  }

  get gate(): Gate {
    return this.#application.gate;
  }

  get transactions(): Transactions {
    return this.#application.transactions;
  }

  get hooks(): TransactionHooks {
    return this.#application.hooks;
  }

  get vault(): CacheVault {
    return this.#application.keys.verbs;
  }

  get tracing(): Tracing {
    return this.#application.parts.tracing;
  }

  inspector(advice?: () => readonly Advice[]): CacheInspector {
    return new CacheInspector(this.#application, advice);
  }
}
