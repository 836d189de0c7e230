/** Keys: what is a valid one, and how one is spelled for each store. The only place that spells keys. */
import { createHmac, hash, type KeyObject } from 'node:crypto';
import { CacheError } from './errors.js';
import { hashOf } from './hash.js';
import { Lately } from './lately.js';
import type { Vault } from './vault.js';

const MAX_BYTES = 1024;
const READABLE_BYTES = 200;
const CONTROL = /\p{Control}/u;
const ESCAPED = /[:{}%*?[\]\u0080-\uffff]+/g;

/** Names of namespaces and caches. */
export const NAME_PATTERN = /^[A-Za-z0-9._-]{1,64}$/;

/** Why `text` is no key, tag or id, or `undefined` if it is one. */
export function textFault(text: unknown): string | undefined {
  if (typeof text !== 'string')
    return `must be a string, not ${text === null ? 'null' : typeof text}`;
  if (text.length === 0) return 'must not be empty';
  // A UTF-16 unit is at most three bytes of UTF-8, so short texts need no counting.
  if (text.length * 3 > MAX_BYTES && Buffer.byteLength(text) > MAX_BYTES) {
    return `must be at most ${MAX_BYTES} bytes of UTF-8`;
  }
  return CONTROL.test(text) || !text.isWellFormed()
    ? 'must be well-formed Unicode without control characters'
    : undefined;
}

/** Throws `CACHE_KEY_INVALID` unless `key` is a string of 1 to 1,024 bytes, well-formed, without control characters. */
export function assertKey(key: unknown): asserts key is string {
  const fault = textFault(key);
  if (fault) throw new CacheError('CACHE_KEY_INVALID', `the key ${fault}`);
}

/** Percent-encodes what would end a segment, move a slot or be a wildcard; injective. */
export function encodeSegment(text: string): string {
  return text.replace(ESCAPED, (part) => (part === ':' ? '%3a' : percentEncode(part)));
}

function percentEncode(part: string): string {
  return Buffer.from(part).toString('hex').replace(/../g, '%$&');
}

/** Public entries are tenant `p`; a tenant is `t:` + its id, so that no id can mean "none". */
export function tenantName(tenantId: string | undefined): string {
  return tenantId === undefined ? 'p' : `t:${tenantId}`;
}

/** The implicit tag that `clear()` bumps. It starts with a control character, so no user's tag equals it. */
export function clearTag(cache: string): string {
  return `\u0001${cache}`;
}

/** How the implicit tags of groups begin; no user's tag holds a control character. */
export const GROUP_MARK = '\u0002';

/** The implicit tag of a key group, bumped by `invalidatePattern('<group>:*')`. */
export function groupTag(cache: string, group: string): string {
  return `${GROUP_MARK}${cache}${GROUP_MARK}${group}`;
}

/** The tag of one user alone beside the tag itself, for entries of a user. Neither text holds a control character. */
export function userTag(subject: string, tag: string): string {
  return `\u0004${subject}\u0004${tag}`;
}

/** Whether a tag is one that an application gave. */
export function isGiven(tag: string): boolean {
  return !tag.startsWith('\u0004');
}

/** Stands for "some group of this cache was bumped". */
export function anyGroupTag(cache: string): string {
  return `\u0003${cache}`;
}

/** What all scopes of one application share. */
export interface ScopeRules {
  /** Declared groups beside the first segment of each key, such as `user:profile`. */
  readonly groups: readonly string[];
  /** Classes that may be revived from bytes, by name. */
  readonly types: ReadonlyMap<string, AnyClass>;
  /** Encrypts what leaves this process; none = nothing does. */
  readonly vault?: Vault | undefined;
  /** Caches whose values are never held in memory. */
  readonly noL1?: ReadonlySet<string>;
  /** Keys are spelled for stores by this secret, and never readable; none = they are. */
  readonly nameSecret?: KeyObject | undefined;
}

/** A class whose instances may be cached. */
export type AnyClass = abstract new (...args: never[]) => object;

/** In no name of a cache. */
const OF_USER = '@';
/** Kinds of keys whose implicit tags are known at once, twice so many at most. */
const KINDS = 64;
/** Which part of a digest says where in a cluster its key is. */
const SLOT_AT = 48;
const SLOT_CHARACTERS = 8;
const NO_RULES: ScopeRules = Object.freeze({ groups: [], types: new Map<string, AnyClass>() });

/** One cache of one tenant, or of one user of it: the partition in which a key lives. */
export class Scope {
  readonly clearTag: string;
  /** As lists, for they are judged on every read of a shared tier. */
  readonly clearTags: readonly [string];
  readonly anyGroupTags: readonly [string];
  /** The cache, and whose entries in it: what stores and other processes are told. */
  readonly place: string;
  /** Canonical name: lengths first, so that no two scopes share one. */
  readonly id: string;
  /** Of its name; hashes of its keys begin with it. */
  readonly hash: number;
  /** Tenant and place as messages spell them. */
  readonly spelled: string;
  readonly #tenantSegment: string;
  #implied: Lately<string, readonly string[]> | undefined;

  constructor(
    readonly namespace: string,
    /** `p` or `t:` + id. */
    readonly tenant: string,
    readonly cache: string,
    readonly rules: ScopeRules = NO_RULES,
    /** The user whose entries these are; none = the whole tenant's. */
    readonly subject?: string,
  ) {
    this.place = subject === undefined ? cache : `${cache}${OF_USER}${encodeSegment(subject)}`;
    this.clearTag = clearTag(cache);
    this.clearTags = [this.clearTag];
    this.anyGroupTags = [anyGroupTag(cache)];
    this.id = [namespace, tenant, this.place].map((part) => `${part.length}:${part}`).join('');
    this.hash = hashOf(this.id);
    this.spelled = `${JSON.stringify(tenant)},${JSON.stringify(this.place)}`;
    this.#tenantSegment = encodeSegment(tenant);
  }

  /** The scope of such a place. */
  static at(namespace: string, tenant: string, place: string, rules: ScopeRules): Scope {
    const [cache, subject] = partsOfPlace(place);
    return new Scope(namespace, tenant, cache, rules, subject);
  }

  /** The tags of an entry here: a user's entry carries them as that user's own as well, and one for all that is the user's. */
  tagged(tags: readonly string[]): readonly string[] {
    return this.subject === undefined ? tags : [...tags, ...this.meant([...tags, this.clearTag])];
  }

  /** All implicit tags of a key with these groups: the same list for keys of one kind, so that they are known to be. */
  implied(groupTags: readonly string[]): readonly string[] {
    const name = groupTags.join();
    const kinds = (this.#implied ??= new Lately(KINDS));
    const known = kinds.get(name);
    if (known) return known;
    const tags = [this.clearTag, ...groupTags];
    kinds.set(name, tags);
    return tags;
  }

  /** What an invalidation made here means by these tags. */
  meant(tags: readonly string[]): readonly string[] {
    const { subject } = this;
    return subject === undefined ? tags : tags.map((tag) => userTag(subject, tag));
  }

  /** The names of its entries in Redis, as a pattern of `SCAN`; `prefix` as it is spelled there. */
  redisPattern(prefix: string): string {
    const slot = `{${'?'.repeat(SLOT_CHARACTERS)}}`;
    const name = `${this.namespace}:${this.#tenantSegment}:${slot}:e:${this.place}:${prefix}`;
    // Of what means something to a pattern the spelling of a segment leaves this alone.
    return `${name.replaceAll('\\', '\\\\')}*`;
  }

  /** Takes a name of Redis apart; `undefined` = it is of no entry of this scope. */
  ofRedisKey(name: string): { readonly slot: string; readonly encoded: string } | undefined {
    const head = `${this.namespace}:${this.#tenantSegment}:{`;
    const middle = `}:e:${this.place}:`;
    const end = head.length + SLOT_CHARACTERS;
    if (!name.startsWith(head) || !name.startsWith(middle, end)) return undefined;
    return { slot: name.slice(head.length, end), encoded: name.slice(end + middle.length) };
  }

  /**
   * `<namespace>:<tenant>:{<h8>}:<kind>:<place>:<key>`: entry, lease and write guards of a key share a cluster slot. The script of a
   * change makes the lease's name of the entry's: the kind stands behind the first `}`.
   */
  redisKey(kind: 'e' | 'l' | 'w', { slot, encoded }: Address): string {
    return `${this.namespace}:${this.#tenantSegment}:{${slot}}:${kind}:${this.place}:${encoded}`;
  }
}

function partsOfPlace(place: string): [cache: string, subject?: string] {
  const end = place.indexOf(OF_USER);
  if (end < 0) return [place];
  return [place.slice(0, end), decodeURIComponent(place.slice(end + OF_USER.length))];
}

/** Whether a text from elsewhere is the place of a scope. */
export function isPlace(text: string): boolean {
  try {
    const [cache, subject = 'x'] = partsOfPlace(text);
    return NAME_PATTERN.test(cache) && textFault(subject) === undefined;
  } catch {
    return false;
  }
}

/** 8 bytes of a key's digest, as two numbers: they are compared at every read. */
export interface Fingerprint {
  readonly high: number;
  readonly low: number;
}

/** One key within its scope, with its spellings made once and only when a lower tier is asked. */
export class Address {
  /** A part of the id of the write that was read last: whether it is read again; 0 = none was. */
  lastRead = 0;
  /** What it became, while that is kept; the tier's own. */
  opened: object | undefined;
  /** The question about it that waits to be sent; the tier's own. */
  question: object | undefined;
  #digest: string | undefined;
  #fingerprint: Fingerprint | undefined;
  #encoded: string | undefined;
  #entryKey: string | undefined;
  #leaseKey: string | undefined;
  #flight: string | undefined;
  #groups: readonly string[] | undefined;
  #implied: readonly string[] | undefined;

  constructor(
    readonly scope: Scope,
    readonly key: string,
  ) {}

  /** Implicit tags of the groups this key belongs to: its first segment and the declared ones. */
  get groupTags(): readonly string[] {
    return (this.#groups ??= groupTagsOf(this.scope, this.key));
  }

  /** All implicit tags: what `clear()` and patterns bump. */
  get implied(): readonly string[] {
    return (this.#implied ??= this.scope.implied(this.groupTags));
  }

  /** Scope and key as one text, for maps: neither holds a control character. */
  get name(): string {
    return `${this.scope.id}\u0000${this.key}`;
  }

  /** What loads of this key are found by. */
  get flight(): string {
    return (this.#flight ??= flightName(this.scope.tenant, this.scope.place, this.key));
  }

  /** SHA-256 over scope and key, by the secret where there is one, in hex; every shorter name of the key is a part of it. */
  get digest(): string {
    return (this.#digest ??= digestOf(this.name, this.scope.rules));
  }

  /** Primary key of a database row: 16 bytes in hex. */
  get rowHash(): string {
    return rowHashIn(this.digest);
  }

  /** Stored inside the value, so that bytes put under another key are never served. */
  get fingerprint(): Fingerprint {
    return (this.#fingerprint ??= {
      high: parseInt(this.digest.slice(32, 40), 16),
      low: parseInt(this.digest.slice(40, 48), 16),
    });
  }

  /** Spreads keys over cluster slots. */
  get slot(): string {
    return slotIn(this.digest);
  }

  /** Where Redis has its entry. */
  get entryKey(): string {
    return (this.#entryKey ??= this.scope.redisKey('e', this));
  }

  /** Where Redis has the right to load it. */
  get leaseKey(): string {
    return (this.#leaseKey ??= this.scope.redisKey('l', this));
  }

  /** The key as part of a Redis key: readable, or hashed where it would be long or is to be hidden. */
  get encoded(): string {
    if (this.#encoded !== undefined) return this.#encoded;
    const readable = encodeSegment(this.key);
    return (this.#encoded =
      readable.length <= READABLE_BYTES && !this.scope.rules.nameSecret
        ? readable
        : `~${Buffer.from(this.digest, 'hex').toString('base64url')}`);
  }

  /** Stands for the key in messages and logs. */
  get hash(): string {
    return this.digest.slice(0, 8);
  }
}

/** A key by what other processes say of it. None of the three parts may hold a control character. */
export function flightName(tenant: string, place: string, key: string): string {
  return `${tenant}\u0000${place}\u0000${key}`;
}

/** The part of a digest that spreads keys over cluster slots. */
export function slotIn(digest: string): string {
  return digest.slice(SLOT_AT, SLOT_AT + SLOT_CHARACTERS);
}

/** The part of a digest that a row of a database is found by, in hex. */
export function rowHashIn(digest: string): string {
  return digest.slice(0, 32);
}

function digestOf(name: string, { nameSecret }: ScopeRules): string {
  if (!nameSecret) return hash('sha256', name, 'hex');
  return createHmac('sha256', nameSecret).update(name).digest('hex');
}

/** What stands before the first colon: `user` of `user:42`; '' where there is none. */
export function firstSegment(key: string): string {
  const end = key.indexOf(':');
  return end < 0 ? '' : key.slice(0, end);
}

/** Tags of the groups a key belongs to. */
export function groupTagsOf({ cache, rules }: Scope, key: string): readonly string[] {
  const first = firstSegment(key);
  if (first === '') return NO_GROUPS;
  const tags = [groupTag(cache, first)];
  for (const group of rules.groups) {
    if (key.startsWith(group) && key.charAt(group.length) === ':' && group.length > first.length)
      tags.push(groupTag(cache, group));
  }
  return tags;
}

const NO_GROUPS: readonly string[] = Object.freeze([]);
