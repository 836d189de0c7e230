/** Tag numbers in Redis as this process knows them: asked for once, then kept by what the stream tells. */
import { TagMirror, type Verdict } from '../../coherence/tag-mirror.js';
import {
  anyGroupTag,
  encodeSegment,
  GROUP_MARK,
  type Address,
  type Scope,
} from '../../core/key.js';
import type { MaybePromise } from '../../core/tier.js';
import { NamedCoalescer } from '../coalescer.js';
import { unavailable } from './connection.js';
import type { Link } from './link.js';
import { TAGS } from './scripts.js';

/** Of a key whose groups are not known these are none. */
export type Judged = Pick<Address, 'scope' | 'groupTags'>;

interface TagRef {
  readonly tenant: string;
  readonly tag: string;
}

export class TagNumbers {
  readonly #mirror = new TagMirror();
  readonly #questions = new NamedCoalescer<TagRef, void>(
    (refs) => this.#ask(refs),
    ({ tenant, tag }) => `${tenant}\u0000${tag}`,
  );

  constructor(readonly link: Link) {}

  /** While it stays the same, so does every verdict. */
  get changes(): number {
    return this.#mirror.changes;
  }

  /**
   * What bumps have left of an entry that was read under `n0`; `unknown` = Redis has to be asked first.
   *
   * Keys have many groups and few are ever bumped: whether any was is one number per cache, so that a hit does not ask Redis
   * for every new group it meets.
   */
  judge(address: Judged, tags: readonly string[], n0: number): Verdict {
    const { tenant, clearTags, anyGroupTags } = address.scope;
    const own = this.#mirror.judge(tenant, tags, n0);
    const verdict = worse(own, this.#mirror.judge(tenant, clearTags, n0));
    if (verdict === 'gone') return verdict;
    const groups = this.#mirror.judge(tenant, anyGroupTags, n0);
    if (groups === 'valid' || groups === 'unknown') return worse(verdict, groups);
    return worse(verdict, this.#mirror.judge(tenant, address.groupTags, n0));
  }

  /** The same after Redis was asked for what is not known here. */
  async judgeAsking(address: Judged, tags: readonly string[], n0: number): Promise<Verdict> {
    const { tenant, clearTags, anyGroupTags } = address.scope;
    await this.#fetch(tenant, [...tags, ...clearTags, ...anyGroupTags]);
    if (this.judge(address, tags, n0) === 'unknown') await this.#fetch(tenant, address.groupTags);
    return this.judge(address, tags, n0);
  }

  /** Asks Redis for all that decides about an entry with these tags, known or not. */
  async refresh({ scope, groupTags }: Address, tags: readonly string[]): Promise<void> {
    const { tenant, clearTags, anyGroupTags } = scope;
    await this.#askFor(tenant, [
      ...new Set([...tags, ...clearTags, ...anyGroupTags, ...groupTags]),
    ]);
  }

  /** Number of the latest bump of a key's tags that this process knows of; 0 = none. */
  latest({ scope, implied }: Address, tags: readonly string[]): number {
    const { tenant } = scope;
    return Math.max(this.#mirror.latest(tenant, tags), this.#mirror.latest(tenant, implied));
  }

  /** So that the number taken next is not under the floor of a tag record that is made just now. */
  knowClear({ tenant, clearTags, anyGroupTags }: Scope): MaybePromise<void> {
    const isKnown =
      this.#mirror.knows(tenant, clearTags) && this.#mirror.knows(tenant, anyGroupTags);
    return isKnown ? undefined : this.#fetch(tenant, [...clearTags, ...anyGroupTags]);
  }

  heard(tenant: string, tags: readonly string[], number: number, soft: boolean): void {
    this.#mirror.heard(tenant, withGroups(tags), number, soft);
  }

  drop(): void {
    this.#mirror.drop();
  }

  async #fetch(tenant: string, tags: readonly string[]): Promise<void> {
    const missing = this.#mirror.missing(tenant, tags);
    if (missing.length > 0)
      await Promise.all(missing.map((tag) => this.#questions.ask({ tenant, tag }, true)));
  }

  /** One question per tenant, for each has a record of its own. */
  async #ask(refs: readonly TagRef[]): Promise<readonly void[]> {
    const byTenant = new Map<string, string[]>();
    for (const { tenant, tag } of refs)
      byTenant.set(tenant, [...(byTenant.get(tenant) ?? []), tag]);
    await Promise.all([...byTenant].map(([tenant, tags]) => this.#askFor(tenant, tags)));
    return refs.map(() => undefined);
  }

  async #askFor(tenant: string, tags: readonly string[]): Promise<void> {
    const { keys, commands, session } = this.link;
    const records = [keys.sq, keys.tags(encodeSegment(tenant))];
    const reply = (await commands.run(TAGS, records, tags.flatMap(fields))) as
      (Buffer | null)[] | null;
    if (!reply) {
      await this.link.resync();
      throw unavailable('the counter was lost');
    }
    if (this.link.session !== session) throw unavailable('out of sync during the read');
    const [number, floor, ...numbers] = reply.map((part) => (part === null ? 0 : Number(part)));
    this.link.learn(number);
    tags.forEach((tag, index) => {
      const [hard, soft] = [numbers[2 * index], numbers[2 * index + 1]];
      this.#mirror.fetched(tenant, tag, Math.max(floor, hard), soft);
    });
  }
}

const SEVERITY: readonly Verdict[] = ['valid', 'stale', 'unknown', 'gone'];

function worse(one: Verdict, other: Verdict): Verdict {
  return SEVERITY.indexOf(one) < SEVERITY.indexOf(other) ? other : one;
}

/** The tags of a bump, and with a group the mark that some group was bumped. */
export function withGroups(tags: readonly string[]): string[] {
  const groups = tags.filter((tag) => tag.startsWith(GROUP_MARK));
  return [...new Set([...tags, ...groups.map((tag) => anyGroupTag(tag.split(GROUP_MARK)[1]))])];
}

/** A tag as a field of the hash, so that none can be named like the floor. */
export function field(tag: string, soft: boolean): string {
  return `${soft ? '~' : '='}${tag}`;
}

function fields(tag: string): string[] {
  return [field(tag, false), field(tag, true)];
}
