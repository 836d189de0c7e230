/** A write to the application's own data with its keys and tags under guard: before, while and after, and if the writer dies. */
import { randomBytes } from 'node:crypto';
import { GUARD_MS } from '../coherence/holds.js';
import { CacheError } from '../core/errors.js';
import type { Address } from '../core/key.js';
import type { Change } from '../core/tier.js';
import type { Parts } from './parts.js';
import type { TierChanges } from './tier-changes.js';
import type { WritePath } from './write-path.js';

/** What a write is about to change. */
export interface Targets {
  readonly addresses: readonly Address[];
  readonly tenant: string;
  readonly tags: readonly string[];
}

/**
 * Keys: entry and lease go in every tier, no lease is given and no fill taken until the write is over, so a load that began
 * before its commit is kept nowhere, whoever ran it. A writer that dies stands in the way for `GUARD_MS` at most.
 *
 * Tags: bumped before and after. Against a writer that dies in between, the bump after is written down in L3 beforehand; if
 * nobody strikes it in time, whoever looks into the book next makes it.
 */
export async function mutate<T>(
  parts: Parts,
  writes: WritePath,
  targets: Targets,
  write: () => T | Promise<T>,
  strict: boolean,
): Promise<T> {
  const mutation = new Mutation(parts, writes, targets);
  let result: T;
  try {
    await mutation.begin(strict);
    result = await write();
  } catch (error) {
    // It may have done something all the same; and its own error is the one to tell.
    await mutation.end(false);
    throw error;
  }
  await mutation.end(strict);
  return result;
}

class Mutation {
  readonly #id = randomBytes(9).toString('base64url');
  readonly #tags: Change | undefined;
  #ended = false;
  #renewing: Promise<unknown> = Promise.resolve();

  constructor(
    readonly parts: Parts,
    readonly writes: WritePath,
    readonly targets: Targets,
  ) {
    const { tenant, tags } = targets;
    this.#tags = tags.length > 0 ? { kind: 'tags', tenant, tags } : undefined;
  }

  async begin(strict: boolean): Promise<void> {
    await this.#guard(strict);
    if (this.#tags) await this.writes.write(this.#tags, strict);
    this.#renewLater();
  }

  /** As a delete of the keys and a bump of the tags. */
  async end(strict: boolean): Promise<void> {
    this.#ended = true;
    // A guard on its way would come after its end.
    await this.#renewing.catch(() => undefined);
    const { addresses } = this.targets;
    const ends =
      addresses.length > 0 ? [{ kind: 'unguard', addresses, id: this.#id } as const] : [];
    // The write is done: what a store cannot take now it owes, whatever the caller wants to hear.
    const receipts = await Promise.all(
      [...ends, ...(this.#tags ? [this.#tags] : [])].map((change) =>
        this.writes.write(change, false),
      ),
    );
    await this.#book?.strike(this.#id);
    if (strict && receipts.some(({ l2, l3 }) => l2 === 'queued' || l3 === 'queued'))
      throw new CacheError('CACHE_TIER_UNAVAILABLE', 'a tier went away, and the call was strict');
  }

  /** Where the bump after is written down. */
  get #book(): TierChanges | undefined {
    return this.#tags && this.parts.l3?.changes;
  }

  async #guard(strict: boolean): Promise<void> {
    const { addresses } = this.targets;
    if (this.#tags) await this.#book?.keep(this.#id, this.#tags, GUARD_MS);
    if (addresses.length > 0)
      await this.writes.write({ kind: 'guard', addresses, id: this.#id, ms: GUARD_MS }, strict);
  }

  #renewLater(): void {
    this.parts.clock.after(GUARD_MS / 2, () => {
      if (this.#ended) return;
      this.#renewing = this.#guard(false).finally(() => this.#renewLater());
      this.parts.background.run(() => this.#renewing);
    });
  }
}
