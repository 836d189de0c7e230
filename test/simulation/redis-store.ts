/** Redis as the protocol sees it: its records, and what each script does to them in one atomic step. */
import {
  CHANGE,
  FILL,
  GUARD,
  LEASE,
  MODE,
  PROBE,
  RELEASE,
  RENEW,
  SYNC,
  TAGS,
} from '../../libs/multi-level-cache/src/tiers/redis/scripts.js';

export type Argument = string | number | Buffer;
type StreamEntry = readonly [id: string, fields: readonly string[]];
type Hash = Map<string, string>;

interface Stored {
  readonly value: Buffer;
  readonly until: number;
}

/** Everything a snapshot holds. */
interface Data {
  readonly values: Map<string, Stored>;
  readonly hashes: Map<string, Hash>;
  readonly streams: Map<string, StreamEntry[]>;
}

const EMPTY = Buffer.alloc(0);

export class RedisStore {
  #data: Data = emptied();
  /** Name of the history that this data belongs to. */
  history = '1';
  /** All data goes with the next change, before anybody has heard of it. */
  flushWithNextChange = false;
  /** The stream goes with the next change, before anybody has read it. */
  loseNextMessage = false;
  /** The next message is told twice. */
  repeatNextMessage = false;

  constructor(
    /** Milliseconds of the server's wall clock. */
    readonly time: () => number,
    readonly streamLength: number,
    /** Data that was to go has gone. */
    readonly onLoss: () => void,
  ) {}

  get(key: string): Buffer | null {
    const stored = this.#data.values.get(key);
    if (!stored) return null;
    if (stored.until > this.time()) return stored.value;
    this.#data.values.delete(key);
    return null;
  }

  /** Entries after `id`, at most `count`. */
  tail(stream: string, id: string, count: number): StreamEntry[] {
    const entries = this.#data.streams.get(stream) ?? [];
    return entries.filter(([other]) => sequence(other) > sequence(id)).slice(0, count);
  }

  /** All data is lost. */
  flush(): void {
    this.#data = emptied();
    this.flushWithNextChange = false;
  }

  snapshot(): Data {
    const { values, hashes, streams } = this.#data;
    return {
      values: new Map(values),
      hashes: new Map([...hashes].map(([name, hash]) => [name, new Map(hash)])),
      streams: new Map([...streams].map(([name, entries]) => [name, [...entries]])),
    };
  }

  /** A master of its own, with all that this one has now. */
  fork(): RedisStore {
    const other = new RedisStore(this.time, this.streamLength, this.onLoss);
    other.#data = this.snapshot();
    other.history = this.history;
    return other;
  }

  /** The server starts anew with what it has kept. */
  restore(data: Data = this.#data): void {
    this.history = String(Number(this.history) + 1);
    this.#data = data;
  }

  /** One key is gone, as by eviction. */
  evict(random: () => number): void {
    const { values, hashes } = this.#data;
    const names = [...(random() < 0.5 ? hashes : values).keys()];
    const name = names[Math.floor(random() * names.length)];
    if (name === undefined) return;
    values.delete(name);
    hashes.delete(name);
  }

  /** Fields and values of a hash, as one page of a scan. */
  scan(name: string): readonly Buffer[] {
    return [...(this.#data.hashes.get(name) ?? [])].flat().map((part) => Buffer.from(part));
  }

  strike(name: string, fields: readonly string[]): number {
    const hash = this.#data.hashes.get(name);
    return fields.filter((field) => hash?.delete(field)).length;
  }

  run(sha: string, keys: readonly string[], args: readonly Argument[]): unknown {
    switch (sha) {
      case SYNC.sha:
        return this.#sync(keys, args);
      case TAGS.sha:
        return this.#tags(keys, args);
      case LEASE.sha:
        return this.#lease(keys, args);
      case FILL.sha:
        return this.#fill(keys, args);
      case RENEW.sha:
        return this.#renew(keys, args);
      case RELEASE.sha:
        return this.#release(keys, args);
      case CHANGE.sha:
        return this.#change(keys, args);
      case GUARD.sha:
        return this.#guard(keys, args);
      case PROBE.sha:
        return [];
      default:
        throw new Error('NOSCRIPT');
    }
  }

  #sync([sqKey, epKey, stream]: readonly string[], args: readonly Argument[]): unknown {
    const [seen, fresh, , force] = args.map(String);
    let [number, epoch] = [this.#text(sqKey), this.#text(epKey)];
    const lost = force === '1' || number === undefined || epoch === undefined;
    if (lost || Number(number) < Number(seen)) {
      epoch = fresh;
      number = String(Math.max(Number(number ?? 0), Number(seen), Math.floor(this.time() * 1_000)));
      this.#set(sqKey, number);
      this.#set(epKey, epoch);
    }
    const last = this.#data.streams.get(stream)?.at(-1)?.[0] ?? '0-0';
    return [epoch!, number!, last, this.time().toFixed(3)].map((part) => Buffer.from(part));
  }

  #tags([sqKey, tagsKey]: readonly string[], args: readonly Argument[]): unknown {
    const number = this.#text(sqKey);
    if (number === undefined) return null;
    const hash = this.#hash(tagsKey);
    if (!hash.has('floor')) hash.set('floor', number);
    const numbers = ['floor', ...args.map(String)].map((field) => hash.get(field));
    return [number, ...numbers].map((part) => (part === undefined ? null : Buffer.from(part)));
  }

  #lease(
    [entry, lease, guards]: readonly string[],
    [token, ms, seen, bumped]: readonly Argument[],
  ): unknown {
    if (this.#guarded(guards)) return 2;
    const stored = this.get(entry);
    if (stored && stored.length >= 42 && !stored.subarray(34, 42).equals(bytes(seen)))
      return stored;
    const began = /:(\d+)$/.exec(this.#text(lease) ?? '')?.[1];
    if (began !== undefined && Number(began) >= Number(bumped)) return 0;
    this.#set(lease, token, Number(ms));
    return 1;
  }

  #guard([entry, lease, guards]: readonly string[], [id, ms]: readonly Argument[]): unknown {
    const hash = this.#hash(guards);
    hash.delete(String(id));
    if (Number(ms) > 0) hash.set(String(id), String(this.time() + Number(ms)));
    this.#data.values.delete(entry);
    this.#data.values.delete(lease);
    return 1;
  }

  /** The record ends with its last guard. */
  #guarded(guards: string): boolean {
    const ends = [...(this.#data.hashes.get(guards)?.values() ?? [])].map(Number);
    return Math.max(...ends) > this.time();
  }

  #fill([entry, lease]: readonly string[], [token, body, ms]: readonly Argument[]): unknown {
    if (this.#text(lease) !== String(token)) return 0;
    this.#data.values.delete(lease);
    this.#set(entry, body, Number(ms));
    return 1;
  }

  #renew([lease]: readonly string[], [token, ms]: readonly Argument[]): unknown {
    if (this.#text(lease) !== String(token)) return 0;
    this.#set(lease, token, Number(ms));
    return 1;
  }

  #release([lease]: readonly string[], [token]: readonly Argument[]): unknown {
    if (this.#text(lease) !== String(token)) return 0;
    this.#data.values.delete(lease);
    return 1;
  }

  #change(
    [sqKey, epKey, stream, debts, tagsKey, ...keys]: readonly string[],
    [epoch, sender, type, payload, debt, mode, ...rest]: readonly Argument[],
  ): unknown {
    const before = this.#text(sqKey);
    if (before === undefined || this.#text(epKey) !== String(epoch)) return null;
    const number = String(Number(before) + 1);
    this.#set(sqKey, number);
    const bodies = mode === MODE.set ? unpacked(bytes(rest[0])) : rest;
    for (const [at, entry] of keys.entries()) {
      const lease = entry.replace('}:e:', '}:l:');
      this.#step(String(mode), [entry, lease], [bodies[2 * at], bodies[2 * at + 1]]);
    }
    if (mode === MODE.tags) {
      const hash = this.#hash(tagsKey);
      if (!hash.has('floor')) hash.set('floor', number);
      for (const field of rest) hash.set(String(field), number);
    }
    if (type === '') return Buffer.from(number);
    const owed: Readonly<Record<string, Argument>> = debt === '' ? {} : { d: debt };
    if (debt !== '') this.#hash(debts).set(String(debt), `${String(type)}${String(payload)}`);
    this.#announce(stream, { n: number, e: epoch, s: sender, t: type, k: payload, ...owed });
    if (this.loseNextMessage || this.flushWithNextChange) this.onLoss();
    if (this.loseNextMessage) this.#data.streams.delete(stream);
    this.loseNextMessage = false;
    if (this.flushWithNextChange) this.flush();
    return Buffer.from(number);
  }

  #announce(stream: string, fields: Readonly<Record<string, Argument>>): void {
    const entries = this.#data.streams.get(stream) ?? [];
    const texts = Object.entries(fields).flat().map(String);
    for (let times = this.repeatNextMessage ? 2 : 1; times > 0; times--)
      entries.push([this.#nextId(entries.at(-1)?.[0]), texts]);
    this.repeatNextMessage = false;
    this.#data.streams.set(stream, entries.slice(-this.streamLength));
  }

  /** The server's time, or one more than the last where that is later. */
  #nextId(last = '0-0'): string {
    const id = `${Math.floor(this.time())}-0`;
    if (sequence(id) > sequence(last)) return id;
    const [ms, number] = last.split('-').map(Number);
    return `${ms}-${number + 1}`;
  }

  #step(mode: string, [entry, lease]: [string, string], [body, ms]: [Argument, Argument]): void {
    this.#data.values.delete(lease);
    if (mode === MODE.expire || mode === MODE.touch) return this.#relive(entry, Number(ms));
    this.#data.values.delete(entry);
    if (mode === MODE.set && bytes(body).length > 0) this.#set(entry, body, Number(ms));
  }

  /** By the three times in the envelope's head. */
  #relive(entry: string, ms: number): void {
    const stored = this.get(entry);
    if (!stored) return;
    const age = Math.max(Math.floor(this.time()) - stored.readUIntBE(4, 6), 0);
    const [ttl, grace] = [stored.readUIntBE(10, 6), stored.readUIntBE(16, 6)];
    const copy = Buffer.from(stored);
    if (ms > 0) {
      if (age >= ttl) return;
      copy.writeUIntBE(age + ms, 10, 6);
      this.#set(entry, copy, ms + grace);
    } else if (grace === 0) this.#data.values.delete(entry);
    else if (ttl > 0) {
      // What is stale from now on was never fresh.
      copy.writeUIntBE(0, 10, 6);
      copy.writeUIntBE(Math.min(age, ttl) + grace, 16, 6);
      const until = this.#data.values.get(entry)!.until;
      this.#data.values.set(entry, {
        value: copy,
        until: age < ttl ? this.time() + grace : until,
      });
    }
  }

  #hash(name: string): Hash {
    let hash = this.#data.hashes.get(name);
    if (!hash) this.#data.hashes.set(name, (hash = new Map()));
    return hash;
  }

  #text(key: string): string | undefined {
    return this.get(key)?.toString();
  }

  #set(key: string, value: Argument, ms = Infinity): void {
    this.#data.values.set(key, { value: bytes(value), until: this.time() + ms });
  }
}

function emptied(): Data {
  return { values: new Map(), hashes: new Map(), streams: new Map() };
}

function bytes(value: Argument): Buffer {
  return Buffer.isBuffer(value) ? value : value === '' ? EMPTY : Buffer.from(String(value));
}

/** Envelope and ms of each new entry, out of the one text they come as. */
function unpacked(text: Buffer): Argument[] {
  const bodies: Argument[] = [];
  for (let at = 0; at < text.length;) {
    const digits = at + 1;
    const length = digits + text[at];
    const start = length + 4;
    at = start + text.readUInt32BE(length);
    bodies.push(text.subarray(start, at), text.toString('latin1', digits, length));
  }
  return bodies;
}

/** Of an id in its stream; there are never a thousand in a millisecond. */
function sequence(id: string): number {
  const [ms, number] = id.split('-').map(Number);
  return ms * 1_000 + number;
}
