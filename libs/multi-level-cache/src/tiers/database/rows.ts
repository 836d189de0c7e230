/** Entries and keys as the statements want them: local times become spans the server counts from its own clock. */
import type { Clock } from '../../core/clock.js';
import { capped, type Entry } from '../../core/entry.js';
import { MAX_ENVELOPE_BYTES } from '../../core/envelope.js';
import type { Address, Scope } from '../../core/key.js';
import type { L3Options } from '../../core/options.js';
import { sealFor } from '../../core/sealed.js';
import { SEPARATOR } from './sql.js';

/** Storing is dearer here than in Redis, so compression pays earlier. */
const COMPRESS_FROM = 1_024;

/** Milliseconds from now, as the statements want them. */
export interface Spans {
  readonly age: number;
  readonly fresh: number;
  readonly stale: number;
}

export class Rows {
  constructor(
    readonly namespace: string,
    readonly options: L3Options,
    readonly clock: Clock,
  ) {}

  /** Applications that share a database share its tables, never their tenants. */
  tenant(tenant: string): string {
    return `${this.namespace}/${tenant}`;
  }

  /** What the read statement asks for, as its four parameters. */
  question(addresses: readonly Address[]): string[] {
    const [tenants, tags] = this.#impliedOnce(addresses);
    return [this.tenants(addresses), this.hashes(addresses), tenants, tags].map((list) =>
      list.join(SEPARATOR),
    );
  }

  tenants(addresses: readonly Address[]): string[] {
    return addresses.map(({ scope }) => this.tenant(scope.tenant));
  }

  /** Primary keys as parameters of a statement. */
  hashes(addresses: readonly Address[]): string[] {
    return addresses.map(({ rowHash }) => `\\x${rowHash}`);
  }

  implied(addresses: readonly Address[]): string[] {
    return addresses.map((address) => address.implied.join(SEPARATOR));
  }

  /** What rows are listed by, as a parameter more where they are: a user's own entries never are. */
  names(addresses: readonly Address[]): (string | null)[][] {
    if (!this.options.listable) return [];
    return [
      addresses.map(({ encoded, scope }) =>
        scope.subject === undefined ? `${nameHead(scope)}${encoded}` : null,
      ),
    ];
  }

  /** Tenants and implicit tags of all these keys, each pair once. */
  #impliedOnce(addresses: readonly Address[]): [tenants: string[], tags: string[]] {
    const byTenant = new Map<string, Set<string>>();
    let last: Address | undefined;
    for (const address of addresses) {
      // Keys that are asked for together mostly are of one kind.
      if (last?.scope === address.scope && last.implied === address.implied) continue;
      last = address;
      const { tenant } = address.scope;
      let tags = byTenant.get(tenant);
      if (!tags) byTenant.set(tenant, (tags = new Set()));
      for (const tag of address.implied) tags.add(tag);
    }
    const pairs = [...byTenant].flatMap(([tenant, tags]) =>
      [...tags].map((tag) => [this.tenant(tenant), tag] as const),
    );
    return [pairs.map(([tenant]) => tenant), pairs.map(([, tag]) => tag)];
  }

  /** Bytes of an entry; or that it is too large to be kept, or has to be encrypted and there is no key. */
  seal(address: Address, entry: Entry): Buffer | 'too-large' | 'locked' {
    const { caps, etag, loadMs } = entry;
    // Times and numbers are columns here; the envelope holds codec, fingerprint and payload.
    const header = {
      createdAt: 0,
      ttl: 0,
      grace: 0,
      loadMs,
      n0: 0,
      epoch: 0,
      tags: [],
      caps,
      etag,
    };
    const bytes = sealFor(address, entry, header, COMPRESS_FROM);
    if (!bytes) return 'locked';
    return bytes.length > MAX_ENVELOPE_BYTES ? 'too-large' : bytes;
  }

  /** What is left of its life here; `undefined` where nothing is. */
  spans(entry: Entry): Spans | undefined {
    const now = this.clock.now();
    const { maxAge, ttl } = this.options;
    const kept = capped(entry, now, Math.min(ttl ?? Infinity, maxAge), entry.caps?.l3);
    if (kept.freshUntil <= now) return undefined;
    return {
      age: now - kept.createdAt,
      fresh: kept.freshUntil - now,
      stale: Math.min(kept.staleUntil - now, maxAge),
    };
  }
}

/** How the names of all rows of a cache begin, and of no other one's. */
export function nameHead({ cache }: Scope): string {
  return `${cache}:`;
}
