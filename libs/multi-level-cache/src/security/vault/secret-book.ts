/** Records of secrets in their store: read, begun, replaced. Each change is compared and set, so instances never undo each other. */
import type { Deadline } from '../../core/deadline.js';
import { CacheError } from '../../core/errors.js';
import type { TenantKeyStore } from '../../core/vault.js';
import type { MasterKey, MasterKeyring } from './master-keys.js';
import {
  added,
  decodeRecord,
  EMPTY,
  encodeRecord,
  living,
  newSecret,
  unwrap,
  wrap,
  type Owner,
  type SecretRecord,
  type StoredSecret,
} from './secrets.js';
import type { Told } from './tenant-keys.js';

const TRIES = 10;

interface Answer extends Omit<Told, 'revision'> {
  /** As the store has it; `undefined` = there is none. */
  readonly text: string | undefined;
}

export class SecretBook {
  constructor(
    readonly namespace: string,
    readonly store: TenantKeyStore,
    readonly masters: MasterKeyring,
    /** How long one question may take. */
    readonly deadline: Deadline,
  ) {}

  revision(): Promise<string> {
    return this.#ask(() => this.store.revision());
  }

  async read(tenants: readonly string[]): Promise<readonly Answer[]> {
    const asked = this.deadline.clock.now();
    const { now, records } = await this.#ask(() => this.store.read(tenants));
    return tenants.map((_tenant, at) => {
      const text = records[at];
      // What is not understood is kept as it is, and opens nothing.
      const record = text === undefined ? EMPTY : (decodeRecord(text) ?? EMPTY);
      return { record, text, now, asked };
    });
  }

  /** What there is of a tenant; begun where nothing of it can be read here. */
  async open(tenant: string): Promise<Answer> {
    for (let tries = 0; tries < TRIES; tries++) {
      const [answer] = await this.read([tenant]);
      if (await this.#isReadable(tenant, answer)) return answer;
      const next = added(living(answer.record, answer.now), this.#made(tenant, answer.record));
      // Another instance may have been first: then it is read.
      await this.#swap(tenant, answer, next);
    }
    throw conflict();
  }

  async rotate(tenant: string, overlap: number): Promise<void> {
    await this.#change(tenant, ({ record, now }) =>
      added(living(record, now), this.#made(tenant, record), now + overlap),
    );
  }

  async erase(tenant: string): Promise<void> {
    await this.#change(tenant, ({ record, text }) =>
      text === undefined ? undefined : { last: record.last, secrets: [] },
    );
  }

  /** Wraps by the current master key what another one wraps, and removes what has ended; whether there was something. */
  async tidy(tenant: string): Promise<boolean> {
    const current = this.masters.current;
    if (!current) return false;
    const [answer] = await this.read([tenant]);
    const here = living(answer.record, answer.now);
    const owner = { namespace: this.namespace, tenant };
    const secrets = here.secrets.map((secret) => this.#rewrapped(secret, owner, current));
    const changed =
      secrets.length < answer.record.secrets.length ||
      secrets.some((secret, at) => secret !== here.secrets[at]);
    return changed && this.#swap(tenant, answer, { last: here.last, secrets });
  }

  async rewrapAll(): Promise<number> {
    let count = 0;
    let end: string | undefined;
    do {
      const page = await this.#ask(() => this.store.tenants(end));
      for (const tenant of page.tenants) if (await this.tidy(tenant)) count++;
      ({ end } = page);
    } while (end !== undefined);
    return count;
  }

  /** Whether a secret that is written with can be unwrapped here. */
  async #isReadable(tenant: string, { record, now, text }: Answer): Promise<boolean> {
    if (text !== undefined && !decodeRecord(text))
      throw new CacheError('CACHE_TIER_UNAVAILABLE', 'a record of keys is not ours');
    const owner = { namespace: this.namespace, tenant };
    const usable = living(record, now).secrets.filter(({ until }) => until === undefined);
    if (usable.some(({ master }) => !this.masters.find(master))) await this.masters.renew(true);
    return usable.some(({ id, master, wrapped }) => {
      const key = this.masters.find(master);
      return key !== undefined && unwrap(key, wrapped, owner, id) !== undefined;
    });
  }

  #made(tenant: string, { last }: SecretRecord): Omit<StoredSecret, 'id'> {
    const master = this.masters.current;
    if (!master) throw new CacheError('CACHE_TIER_UNAVAILABLE', 'the master keys could not be had');
    const secret = newSecret();
    const wrapped = wrap(master.key, secret, { namespace: this.namespace, tenant }, last + 1);
    secret.fill(0);
    return { wrapped, master: master.id };
  }

  #rewrapped(secret: StoredSecret, owner: Owner, current: MasterKey): StoredSecret {
    const key = secret.master === current.id ? undefined : this.masters.find(secret.master);
    const plain = key && unwrap(key, secret.wrapped, owner, secret.id);
    if (!plain) return secret;
    const wrapped = wrap(current.key, plain, owner, secret.id);
    plain.fill(0);
    return { ...secret, wrapped, master: current.id };
  }

  async #change(tenant: string, make: (answer: Answer) => SecretRecord | undefined): Promise<void> {
    for (let tries = 0; tries < TRIES; tries++) {
      const [answer] = await this.read([tenant]);
      const next = make(answer);
      if (!next || (await this.#swap(tenant, answer, next))) return;
    }
    throw conflict();
  }

  #swap(tenant: string, { text }: Answer, next: SecretRecord): Promise<boolean> {
    return this.#ask(() => this.store.swap(tenant, text, encodeRecord(next)));
  }

  /** What a store throws may hold what it was asked: it goes no further. */
  async #ask<T>(question: () => Promise<T>): Promise<T> {
    try {
      return await this.deadline.race((async () => question())());
    } catch {
      throw new CacheError('CACHE_TIER_UNAVAILABLE', 'the store of keys is away');
    }
  }
}

function conflict(): CacheError {
  return new CacheError('CACHE_TIER_UNAVAILABLE', 'a record of keys changes all the time');
}
