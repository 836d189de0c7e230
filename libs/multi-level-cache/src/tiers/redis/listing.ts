/** Keys of one scope in Redis by pages: `SCAN` finds names, the first bytes of each entry say what it is worth. */
import { createHash } from 'node:crypto';
import type { Clock } from '../../core/clock.js';
import { fromCursor, noCursor, toCursor } from '../../core/cursor.js';
import { headOf, type Head } from '../../core/envelope.js';
import type { EntriesPage, EntrySummary } from '../../core/inspection.js';
import { encodeSegment, slotIn, type Scope } from '../../core/key.js';
import { storedName, type StoredName } from '../../core/stored-name.js';
import type { ListQuery } from '../../core/tier.js';
import type { Commands, Reply } from './commands.js';
import { unavailable } from './connection.js';
import type { Link } from './link.js';
import type { Session } from './session.js';
import type { TagNumbers } from './tag-numbers.js';

/** Names that the server looks at in one step, about half a millisecond of its time, and steps of one page. */
const NAMES_A_STEP = 1_000;
const STEPS = 10;
/** No step begins later than this after the first: nobody waits for the page any more. */
const LONGEST_MS = 500;
/** The head and, mostly, all tags. */
const FIRST_BYTES = 512;
const START = '0';
const NODE = /^[0-9a-f]{8}$|^$/;
const NUMBER = /^(?:0|[1-9]\d{0,19})$/;
const LARGEST = 2n ** 64n - 1n;
/** What stands in a name, or nothing. */
const NAME = /^[\u0020-\u007e]{0,200}$/;

/** Where the next step begins. */
interface Place {
  readonly node: string;
  readonly number: string;
  /** Names of that step up to this one have been listed. */
  readonly after: string;
}

/** A name that was found, and how it stands there. */
interface Found extends StoredName {
  readonly name: string;
  readonly encoded: string;
}

export class Listing {
  constructor(
    readonly link: Link,
    readonly tags: TagNumbers,
    readonly clock: Clock,
  ) {}

  async page(scope: Scope, { cursor, limit, prefix }: ListQuery): Promise<EntriesPage> {
    const { commands, session } = this.link;
    const until = this.clock.now() + LONGEST_MS;
    const entries: EntrySummary[] = [];
    let place: Place | undefined = placeOf(commands, cursor);
    for (let step = 0; place && step < STEPS && this.clock.now() < until; step++) {
      const { found, number } = await this.#scan(scope, place, prefix);
      const wanted = found.slice(0, limit - entries.length);
      entries.push(...(await this.#summaries(scope, session, place.node, wanted)));
      const last = wanted.at(-1);
      place =
        wanted.length < found.length
          ? { ...place, after: last!.encoded }
          : next(commands, place, number);
      if (entries.length >= limit) break;
    }
    return {
      entries,
      ...(place ? { next: toCursor('l2', hashOf(place.node), place.number, place.after) } : {}),
    };
  }

  /** One step: names of this scope, each once, in an order by which the same step can be gone on with. */
  async #scan(
    scope: Scope,
    { after, node, number }: Place,
    prefix: string,
  ): Promise<{ readonly found: readonly Found[]; readonly number: string }> {
    const pattern = scope.redisPattern(encodeSegment(prefix));
    const [reply] = await this.link.commands.ask(node, [
      ['SCAN', number, 'MATCH', pattern, 'COUNT', NAMES_A_STEP],
    ]);
    const [more, names] = valueOf(reply) as [Buffer, Buffer[]];
    const found = new Map<string, Found>();
    for (const bytes of names) {
      const one = foundIn(scope, bytes.toString(), prefix);
      if (one && one.encoded > after) found.set(one.encoded, one);
    }
    const order = [...found.values()].sort((a, b) => (a.encoded < b.encoded ? -1 : 1));
    return { found: order, number: more.toString() };
  }

  async #summaries(
    scope: Scope,
    session: Session,
    node: string,
    found: readonly Found[],
  ): Promise<readonly EntrySummary[]> {
    if (found.length === 0) return [];
    const at = this.clock.now();
    const replies = await this.link.commands.ask(
      node,
      found.flatMap(({ name }) => [
        ['GETRANGE', name, 0, FIRST_BYTES - 1],
        ['STRLEN', name],
      ]),
    );
    const told = found.flatMap((one, index) => {
      const [first, length] = replies.slice(2 * index, 2 * index + 2);
      // Gone, moved to another node, or no text.
      if (isGone(first) || isGone(length)) return [];
      const head = headOf(valueOf(first) as Buffer);
      return head ? [{ one, head, bytes: valueOf(length) as number }] : [];
    });
    const made = told.map(({ one, head, bytes }) =>
      this.#summary(scope, session, at, one, head, bytes),
    );
    return (await Promise.all(made)).filter((one) => one !== undefined);
  }

  /** Of what a read would give; the seal of the bytes is not looked at. */
  async #summary(
    scope: Scope,
    session: Session,
    at: number,
    { address, key }: Found,
    head: Head,
    bytes: number,
  ): Promise<EntrySummary | undefined> {
    if (head.epoch !== session.epochNumber || !isOf(address?.fingerprint, head)) return undefined;
    const judged = { scope, groupTags: address?.groupTags ?? [] };
    const own = head.tags ?? [];
    const told = this.tags.judge(judged, own, head.n0);
    const verdict = told === 'unknown' ? await this.tags.judgeAsking(judged, own, head.n0) : told;
    if (verdict !== 'valid' && verdict !== 'stale') return undefined;
    const left = head.createdAt - session.offset.most + head.ttl - at;
    // As in a read: where a tag has made it stale, its grace begins now.
    const freshFor = verdict === 'stale' ? Math.min(left, 0) : left;
    if (freshFor + head.grace <= 0) return undefined;
    const isFresh = head.ttl > 0 && freshFor > 0;
    return {
      key,
      ...(address ? {} : { hidden: true }),
      state: isFresh ? 'fresh' : 'stale',
      ttlMs: isFresh ? Math.ceil(freshFor) : 0,
      bytes,
    };
  }
}

/** A name that the server gave; nothing is believed of it that is not seen here. */
function foundIn(scope: Scope, name: string, prefix: string): Found | undefined {
  const parts = scope.ofRedisKey(name);
  const stored =
    parts && storedName(scope, parts.encoded, (digest) => slotIn(digest) === parts.slot);
  if (!stored) return undefined;
  // Of a hidden key nobody knows how it begins.
  if (prefix !== '' && (!stored.address || !stored.key.startsWith(prefix))) return undefined;
  return { ...stored, name, encoded: parts.encoded };
}

function isOf(fingerprint: Head['fingerprint'] | undefined, head: Head): boolean {
  if (!fingerprint) return true;
  return fingerprint.high === head.fingerprint.high && fingerprint.low === head.fingerprint.low;
}

function placeOf(commands: Commands, cursor: string | undefined): Place {
  const { nodes } = commands;
  if (cursor === undefined) return { node: nodes[0], number: START, after: '' };
  const [hash, number, after] = fromCursor(cursor, 'l2', NODE, NUMBER, NAME);
  const node = nodes.find((name) => hashOf(name) === hash);
  if (node === undefined || BigInt(number) > LARGEST) throw noCursor();
  return { node, number, after };
}

/** The next step of the node, or the first one of the next node; `undefined` = that was all. */
function next({ nodes }: Commands, { node }: Place, number: string): Place | undefined {
  if (number !== START) return { node, number, after: '' };
  const following = nodes[nodes.indexOf(node) + 1];
  return following === undefined ? undefined : { node: following, number, after: '' };
}

/** Who is shown a cursor need not know where the servers are. */
function hashOf(node: string): string {
  return node === '' ? '' : createHash('sha256').update(node).digest('hex').slice(0, 8);
}

function isGone(reply: Reply): boolean {
  return (
    'error' in reply && /^(?:MOVED|ASK|TRYAGAIN|WRONGTYPE|CLUSTERDOWN)/.test(reply.error.message)
  );
}

function valueOf(reply: Reply): unknown {
  if (!('error' in reply)) return reply.value;
  if (reply.error.message.startsWith('NOPERM'))
    throw unavailable(
      "its user may not list entries: redisAclRules allows it by features: ['entries']",
    );
  throw reply.error;
}
