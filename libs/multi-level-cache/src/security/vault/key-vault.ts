/** The vault: keys of tenants fetched when they are needed, confirmed by their store all the time, forgotten when they are destroyed. */
import type { Clock, Timer } from '../../core/clock.js';
import { Deadline } from '../../core/deadline.js';
import type { EncryptionOptions } from '../../core/encryption-options.js';
import { ENCRYPTION_OFFSET } from '../../core/envelope.js';
import type { Refusal, Refused, SealedName, TenantKeyStore, Vault } from '../../core/vault.js';
import { isInvalid, MasterKeyring } from './master-keys.js';
import { Refusals } from './refusals.js';
import { lock, unlock } from './seal.js';
import { SecretBook } from './secret-book.js';
import { TenantKeys } from './tenant-keys.js';

/** Two tries at least before a key is not used any more. */
const POLL_MS = 2_000;
const STORE_MS = 500;
/** As long as a caller waits for keys. */
const WAIT_MS = 250;
/** After a try that failed. */
const PAUSE_MS = 500;
const MOST_TENANTS = 10_000;
const TENANTS_AT_A_TIME = 500;
/** Records put in order in one round. */
const TIDY_AT_A_TIME = 50;

const NO_KEYS = 'the keys of tenants could not be had';
const NO_MASTERS = 'the master keys could not be had';
const NO: Promise<boolean> = Promise.resolve(false);

/** What the vault counts. */
export interface VaultStats {
  /** Tenants whose keys are at hand. */
  readonly tenants: number;
  /** Calls that left L2 and L3 out, for the keys of their tenant could not be had. */
  readonly locked: number;
  /** Refused entries, by reason. */
  readonly refused: Readonly<Record<Refusal, number>>;
  /** Why keys cannot be had, if so. */
  readonly trouble?: string;
}

export interface VaultEvents {
  /** The secret of a tenant has been destroyed, or may have been: what memory holds of it is to go. */
  erased(tenant: string): void;
}

export class KeyVault implements Vault {
  readonly required: boolean;
  readonly book: SecretBook;
  readonly masters: MasterKeyring;
  readonly refusals = new Refusals();
  readonly #known = new Map<string, TenantKeys>();
  readonly #fetching = new Map<string, Promise<boolean>>();
  readonly #pausedUntil = new Map<string, number>();
  readonly #patience: Deadline;
  #revision: string | undefined;
  /** The master key by which all that is known here has been wrapped. */
  #tidyFor: string | undefined;
  #locked = 0;
  #trouble: string | undefined;
  #timer: Timer | undefined;
  #closed = false;

  constructor(
    readonly namespace: string,
    options: EncryptionOptions,
    store: TenantKeyStore,
    readonly clock: Clock,
    readonly events: VaultEvents,
  ) {
    this.required = options.required;
    this.masters = new MasterKeyring(options.masterKeys, clock);
    this.#patience = new Deadline(clock, WAIT_MS, 'the store of keys');
    const deadline = new Deadline(clock, STORE_MS, 'the store of keys');
    this.book = new SecretBook(namespace, store, this.masters, deadline);
  }

  /** @throws CacheError `CACHE_CONFIG_INVALID` where the callback gives no keys; where it fails, they are asked for later. */
  async open(): Promise<void> {
    try {
      await this.masters.load();
    } catch (error) {
      if (isInvalid(error)) throw error;
      this.#trouble = NO_MASTERS;
    }
    this.#pollLater();
  }

  close(): void {
    this.#closed = true;
    this.#timer?.cancel();
    for (const keys of this.#known.values()) keys.destroy();
    this.#known.clear();
  }

  ready(tenant: string): true | Promise<boolean> {
    const now = this.clock.now();
    if (this.#known.get(tenant)?.newest(now)) return true;
    const running = this.#fetching.get(tenant);
    if (running) return running;
    if (this.#closed || now < (this.#pausedUntil.get(tenant) ?? 0)) {
      this.#locked++;
      return NO;
    }
    const fetching = this.#fetch(tenant).finally(() => this.#fetching.delete(tenant));
    // The answer may come later than anybody waits; then it serves the next.
    const soon = this.#patience.race(fetching).catch(() => false);
    this.#fetching.set(tenant, soon);
    return soon;
  }

  lock({ tenant, name }: SealedName, plain: Buffer): Buffer | undefined {
    const newest = this.#known.get(tenant)?.newest(this.clock.now());
    return newest && lock(newest.key, newest.keyId, name, plain);
  }

  unlock({ tenant, name }: SealedName, bytes: Buffer): Buffer | 'unknown-key' | 'tampered' {
    const found = this.#known.get(tenant)?.find(bytes[ENCRYPTION_OFFSET], this.clock.now());
    if (!found) return 'unknown-key';
    return unlock(found.key, name, bytes) ?? 'tampered';
  }

  isAged(tenant: string, keyId: number): boolean {
    const newest = this.#known.get(tenant)?.newest(this.clock.now());
    return newest !== undefined && newest.keyId !== keyId;
  }

  refuse(refused: Refused): void {
    this.refusals.add(refused);
  }

  stats(): VaultStats {
    const now = this.clock.now();
    let tenants = 0;
    for (const keys of this.#known.values()) if (keys.newest(now)) tenants++;
    const trouble = this.#trouble;
    const counts = { tenants, locked: this.#locked, refused: this.refusals.counts };
    return trouble === undefined ? counts : { ...counts, trouble };
  }

  /** A new secret for what is written from now on; the others open what they have sealed for `overlap` ms more. */
  async rotate(tenant: string, overlap: number): Promise<void> {
    await this.#assertMasters();
    await this.book.rotate(tenant, overlap);
    await this.#fetchAgain(tenant);
  }

  /** Destroys all secrets of a tenant. What they have sealed is lost for good. */
  async erase(tenant: string): Promise<void> {
    await this.book.erase(tenant);
    this.#known.get(tenant)?.destroy();
    this.events.erased(tenant);
  }

  /** Wraps every secret there is by the current master key; how many records had to be changed. */
  async rewrap(): Promise<number> {
    await this.masters.load();
    return this.book.rewrapAll();
  }

  /** Never rejects. */
  async #fetch(tenant: string): Promise<boolean> {
    const keys = this.#keysOf(tenant);
    try {
      await this.masters.renew();
      const { version } = keys;
      const revision = this.#revision;
      const told = await this.book.open(tenant);
      // What was read before it was destroyed here counts for nothing: the next who asks reads anew.
      if (keys.version !== version || this.#closed) return false;
      if (keys.adopt({ ...told, revision }, this.masters)) this.events.erased(tenant);
      if (!keys.newest(this.clock.now())) throw new Error('no key');
      this.#trouble = undefined;
      this.#pausedUntil.delete(tenant);
      return true;
    } catch {
      this.#fail(keys, tenant);
      return false;
    }
  }

  #fail(keys: TenantKeys, tenant: string): void {
    this.#locked++;
    keys.doubtful = true;
    this.#trouble = this.masters.current ? NO_KEYS : NO_MASTERS;
    if (this.#pausedUntil.size >= MOST_TENANTS) this.#pausedUntil.clear();
    this.#pausedUntil.set(tenant, this.clock.now() + PAUSE_MS);
  }

  async #fetchAgain(tenant: string): Promise<void> {
    await this.#fetching.get(tenant);
    await this.#fetch(tenant);
  }

  async #assertMasters(): Promise<void> {
    if (!this.masters.current) await this.masters.load();
  }

  #keysOf(tenant: string): TenantKeys {
    let keys = this.#known.get(tenant);
    if (keys) return keys;
    if (this.#known.size >= MOST_TENANTS) this.#forgetOldest();
    this.#known.set(tenant, (keys = new TenantKeys({ namespace: this.namespace, tenant })));
    return keys;
  }

  /** Nobody would notice the end of a tenant that is not known: memory lets go of it as well. */
  #forgetOldest(): void {
    const [oldest] = this.#known.keys();
    this.#known.get(oldest)!.destroy();
    this.#known.delete(oldest);
    this.events.erased(oldest);
  }

  #pollLater(): void {
    if (this.#closed) return;
    this.#timer = this.clock.after(POLL_MS, () => {
      const failed = (): void => {
        this.#trouble = NO_KEYS;
      };
      void this.#poll()
        .catch(failed)
        .then(() => this.#pollLater());
    });
  }

  /** Whatever is not confirmed by this ends by itself. */
  async #poll(): Promise<void> {
    const asked = this.clock.now();
    for (const keys of this.#known.values()) if (!keys.isCurrent(asked)) keys.drop();
    await this.masters.renew();
    if (this.#known.size === 0) return;
    const revision = await this.book.revision();
    this.#revision = revision;
    const changed: TenantKeys[] = [];
    for (const keys of this.#known.values())
      if (keys.revision === revision) keys.confirm(asked);
      else changed.push(keys);
    for (let at = 0; at < changed.length; at += TENANTS_AT_A_TIME)
      await this.#readAgain(changed.slice(at, at + TENANTS_AT_A_TIME), revision);
    this.#trouble = undefined;
    await this.#tidy();
  }

  async #readAgain(some: readonly TenantKeys[], revision: string): Promise<void> {
    const versions = some.map(({ version }) => version);
    const told = await this.book.read(some.map(({ owner }) => owner.tenant));
    some.forEach((keys, at) => {
      if (keys.version !== versions[at] || this.#closed) return;
      const { tenant } = keys.owner;
      if (keys.adopt({ ...told[at], revision }, this.masters)) this.events.erased(tenant);
    });
  }

  async #tidy(): Promise<void> {
    const master = this.masters.current?.id;
    if (master !== this.#tidyFor) for (const keys of this.#known.values()) keys.untidy = true;
    this.#tidyFor = master;
    const now = this.clock.now();
    const untidy = [...this.#known.values()].filter((keys) => keys.isUntidy(now));
    for (const keys of untidy.slice(0, TIDY_AT_A_TIME)) {
      // What it changes is read again with the next round, which looks at it once more.
      await this.book.tidy(keys.owner.tenant);
      keys.untidy = false;
    }
  }
}
