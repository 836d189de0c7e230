/** Tag numbers in Redis as this process knows them: asked for once, then kept by what the stream tells. */
import { TagMirror } from '../../coherence/tag-mirror.js';
import { encodeSegment, type Scope } from '../../core/key.js';
import { unavailable } from './connection.js';
import type { Link } from './link.js';
import { TAGS } from './scripts.js';

export class TagNumbers {
  readonly #mirror = new TagMirror();

  constructor(readonly link: Link) {}

  /** Whether an entry that was read under `n0` has outlived its tags and its cache's last `clear()`. */
  async outlived(
    { tenant, clearTag }: Scope,
    tags: readonly string[],
    n0: number,
  ): Promise<boolean> {
    const all = [...tags, clearTag];
    const verdict = this.#mirror.judge(tenant, all, n0);
    if (verdict !== 'unknown') return verdict === 'valid';
    await this.#fetch(tenant, all);
    return this.#mirror.judge(tenant, all, n0) === 'valid';
  }

  /** So that the number taken next is not under the floor of a tag record that is made just now. */
  knowClear({ tenant, clearTag }: Scope): Promise<void> {
    return this.#fetch(tenant, [clearTag]);
  }

  heard(tenant: string, tags: readonly string[], number: number): void {
    this.#mirror.heard(tenant, tags, number);
  }

  drop(): void {
    this.#mirror.drop();
  }

  async #fetch(tenant: string, tags: readonly string[]): Promise<void> {
    const missing = this.#mirror.missing(tenant, tags);
    if (missing.length === 0) return;
    const { keys, commands, session } = this.link;
    const records = [keys.sq, keys.tags(encodeSegment(tenant))];
    const reply = (await commands.run(TAGS, records, missing.map(field))) as
      (Buffer | null)[] | null;
    if (!reply) {
      await this.link.resync();
      throw unavailable('the counter was lost');
    }
    if (this.link.session !== session) throw unavailable('out of sync during the read');
    const [number, floor, ...numbers] = reply.map((part) => (part === null ? 0 : Number(part)));
    this.link.learn(number);
    missing.forEach((tag, index) =>
      this.#mirror.fetched(tenant, tag, Math.max(floor, numbers[index])),
    );
  }
}

/** A tag as a field of the hash, so that none can be named like the floor. */
export function field(tag: string): string {
  return `=${tag}`;
}
