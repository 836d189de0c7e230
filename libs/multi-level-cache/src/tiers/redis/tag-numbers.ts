/** Tag numbers in Redis as this process knows them: asked for once, then kept by what the stream tells. */
import { TagMirror, type Verdict } from '../../coherence/tag-mirror.js';
import { encodeSegment, GROUP_MARK, type Address, type Scope } from '../../core/key.js';
import { unavailable } from './connection.js';
import type { Link } from './link.js';
import { TAGS } from './scripts.js';

export class TagNumbers {
  readonly #mirror = new TagMirror();

  constructor(readonly link: Link) {}

  /**
   * What bumps have left of an entry that was read under `n0`.
   *
   * Keys have many groups and few are ever bumped: whether any was is one number per cache, so that a hit does not ask Redis
   * for every new group it meets.
   */
  async judge(address: Address, tags: readonly string[], n0: number): Promise<Verdict> {
    const { scope } = address;
    const verdict = await this.#judge(scope, [...tags, scope.clearTag], n0);
    if (verdict === 'gone' || address.groupTags.length === 0) return verdict;
    if ((await this.#judge(scope, [anyGroup(scope.cache)], n0)) === 'valid') return verdict;
    const groups = await this.#judge(scope, address.groupTags, n0);
    return groups === 'valid' ? verdict : groups;
  }

  /** So that the number taken next is not under the floor of a tag record that is made just now. */
  knowClear({ tenant, clearTag, cache }: Scope): Promise<void> {
    return this.#fetch(tenant, [clearTag, anyGroup(cache)]);
  }

  heard(tenant: string, tags: readonly string[], number: number, soft: boolean): void {
    this.#mirror.heard(tenant, withGroups(tags), number, soft);
  }

  drop(): void {
    this.#mirror.drop();
  }

  async #judge({ tenant }: Scope, tags: readonly string[], n0: number): Promise<Verdict> {
    const verdict = this.#mirror.judge(tenant, tags, n0);
    if (verdict !== 'unknown') return verdict;
    await this.#fetch(tenant, tags);
    return this.#mirror.judge(tenant, tags, n0);
  }

  async #fetch(tenant: string, tags: readonly string[]): Promise<void> {
    const missing = this.#mirror.missing(tenant, tags);
    if (missing.length === 0) return;
    const { keys, commands, session } = this.link;
    const records = [keys.sq, keys.tags(encodeSegment(tenant))];
    const reply = (await commands.run(TAGS, records, missing.flatMap(fields))) as
      (Buffer | null)[] | null;
    if (!reply) {
      await this.link.resync();
      throw unavailable('the counter was lost');
    }
    if (this.link.session !== session) throw unavailable('out of sync during the read');
    const [number, floor, ...numbers] = reply.map((part) => (part === null ? 0 : Number(part)));
    this.link.learn(number);
    missing.forEach((tag, index) => {
      const [hard, soft] = [numbers[2 * index], numbers[2 * index + 1]];
      this.#mirror.fetched(tenant, tag, Math.max(floor, hard), soft);
    });
  }
}

/** The tags of a bump, and with a group the mark that some group was bumped. */
export function withGroups(tags: readonly string[]): string[] {
  const groups = tags.filter((tag) => tag.startsWith(GROUP_MARK));
  return [...new Set([...tags, ...groups.map((tag) => anyGroup(tag.split(GROUP_MARK)[1]))])];
}

/** Stands for "some group of this cache was bumped". */
function anyGroup(cache: string): string {
  return `\u0003${cache}`;
}

/** A tag as a field of the hash, so that none can be named like the floor. */
export function field(tag: string, soft: boolean): string {
  return `${soft ? '~' : '='}${tag}`;
}

function fields(tag: string): string[] {
  return [field(tag, false), field(tag, true)];
}
