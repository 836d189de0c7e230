/** The keys that wrap secrets, as the application's callback gives them; kept as objects that cannot be printed. */
import { createSecretKey, type KeyObject } from 'node:crypto';
import type { Clock } from '../../core/clock.js';
import { Deadline } from '../../core/deadline.js';
import type { MasterKeyProvider } from '../../core/encryption-options.js';
import { CacheError, isCacheError } from '../../core/errors.js';

const BYTES = 32;
const PROVIDER_MS = 5_000;
/** As long as an answer is good. */
const AGAIN_MS = 60_000;
/** Between two questions, whatever the reason. */
const PAUSE_MS = 5_000;

export interface MasterKey {
  readonly id: string;
  readonly key: KeyObject;
}

export class MasterKeyring {
  #keys: ReadonlyMap<string, KeyObject> = new Map();
  #current: MasterKey | undefined;
  #asked = -Infinity;
  #asking: Promise<void> | undefined;
  readonly #deadline: Deadline;

  constructor(
    readonly provider: MasterKeyProvider,
    readonly clock: Clock,
  ) {
    this.#deadline = new Deadline(clock, PROVIDER_MS, 'the callback of the master keys');
  }

  /** What is wrapped with; `undefined` = none could be had yet. */
  get current(): MasterKey | undefined {
    return this.#current;
  }

  find(id: string): KeyObject | undefined {
    return this.#keys.get(id);
  }

  /**
   * Asks for them now. What was known stays where that fails.
   *
   * @throws CacheError `CACHE_CONFIG_INVALID` where they are no keys, `CACHE_TIER_UNAVAILABLE` where there is no answer
   */
  load(): Promise<void> {
    return (this.#asking ??= this.#load().finally(() => {
      this.#asking = undefined;
    }));
  }

  /** Asks again where the last answer is old, or `wanted` and not of a moment ago. Never rejects. */
  async renew(wanted = false): Promise<void> {
    const age = this.clock.now() - this.#asked;
    if (age < PAUSE_MS || (age < AGAIN_MS && !wanted && this.#current)) return;
    await this.load().catch(() => undefined);
  }

  async #load(): Promise<void> {
    this.#asked = this.clock.now();
    let given: unknown;
    try {
      given = await this.#deadline.race((async () => this.provider())());
    } catch {
      // Not as a cause: what the callback throws may hold what must not be told.
      throw new CacheError('CACHE_TIER_UNAVAILABLE', 'the master keys could not be had');
    }
    const { current, keys } = checked(given);
    this.#keys = keys;
    this.#current = { id: current, key: keys.get(current)! };
  }
}

/** Told by name, never shown. */
function checked(given: unknown): {
  readonly current: string;
  readonly keys: ReadonlyMap<string, KeyObject>;
} {
  const { current, keys } = (given ?? {}) as Record<string, unknown>;
  if (typeof keys !== 'object' || keys === null) throw invalid('must return { current, keys }');
  const all = new Map<string, KeyObject>();
  for (const [id, key] of Object.entries(keys)) {
    if (!(key instanceof Uint8Array) || key.length !== BYTES)
      throw invalid(`must return keys of ${BYTES} bytes each`);
    all.set(id, createSecretKey(key));
  }
  const id = typeof current === 'number' ? String(current) : current;
  if (typeof id !== 'string' || !all.has(id)) throw invalid('must return `current` among `keys`');
  return { current: id, keys: all };
}

function invalid(what: string): CacheError {
  return new CacheError('CACHE_CONFIG_INVALID', `security.encryption.masterKeys ${what}`);
}

/** Somebody has to change something: to wait is no help. */
export function isInvalid(error: unknown): boolean {
  return isCacheError(error, 'CACHE_CONFIG_INVALID');
}
