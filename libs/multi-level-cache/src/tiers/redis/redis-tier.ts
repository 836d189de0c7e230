/** L2: entries in Redis, shared by all processes; fills are fenced by leases, changes are announced on a stream. */
import { randomBytes } from 'node:crypto';
import { TagMirror } from '../../coherence/tag-mirror.js';
import type { Clock } from '../../core/clock.js';
import { capped, type Entry } from '../../core/entry.js';
import { ID_BYTES, ID_OFFSET, open, seal, type Opened } from '../../core/envelope.js';
import { encodeSegment, type Address, type Scope } from '../../core/key.js';
import type { L2Options } from '../../core/options.js';
import type {
  Change,
  Ticket,
  TicketReply,
  Tier,
  TierListener,
  TierRead,
  TierStatus,
} from '../../core/tier.js';
import { Coalescer } from '../coalescer.js';
import { encodeChange } from './backplane.js';
import { unavailable } from './connection.js';
import { Link } from './link.js';
import { CHANGE, FILL, LEASE, RELEASE, RENEW, TAGS } from './scripts.js';
import type { Session } from './session.js';

const LEASE_MS = 2_000;
/** Larger envelopes stay in memory: they would hold up every other command. */
const MAX_BYTES = 1024 ** 2;
const KEYS_PER_CHANGE = 100;
const ABSENT: TierRead = Object.freeze({ state: 'absent' });

interface Lease extends Ticket {
  readonly tier: 'l2';
  readonly token: string;
  readonly session: Session;
  /** Taken before anything was read. */
  readonly n0: number;
}

export class RedisTier implements Tier {
  readonly name = 'l2';
  readonly #link: Link;
  readonly #mirror = new TagMirror();
  readonly #clock: Clock;
  readonly #sender = randomBytes(6).toString('hex');
  readonly #reads: Coalescer<string, Buffer | null>;
  #listener: TierListener | undefined;
  #corrupt = 0;
  #missedMessages = 0;

  constructor(
    readonly options: L2Options,
    deps: { readonly namespace: string; readonly clock: Clock },
  ) {
    this.#clock = deps.clock;
    this.#link = new Link(options, deps.namespace, deps.clock, {
      synced: () => {
        this.#mirror.drop();
        this.#listener?.lost();
        this.#listener?.state('up');
      },
      down: () => this.#listener?.state('down'),
      message: ({ number, change }) => {
        if (change.kind === 'tags') this.#mirror.heard(change.tenant, change.tags, number);
        this.#listener?.changed(change);
      },
      rubbish: () => this.#missedMessages++,
    });
    this.#reads = new Coalescer((keys) => this.#mget(keys));
  }

  async open(listener: TierListener): Promise<void> {
    this.#listener = listener;
    await this.#link.open();
  }

  close(): Promise<void> {
    this.#link.close();
    return Promise.resolve();
  }

  async read(address: Address): Promise<TierRead> {
    const { session } = this.#link;
    const before = this.#clock.now();
    const bytes = await this.#reads.ask(address.scope.redisKey('e', address));
    if (bytes === null) return ABSENT;
    return this.#judge(address, bytes, session, before);
  }

  async ticket(address: Address, read: TierRead): Promise<TicketReply> {
    const { session } = this.#link;
    const { scope } = address;
    await this.#knowClear(scope);
    const n0 = this.#link.number;
    const token = randomBytes(8).toString('hex');
    const seen = (read.mark as Buffer | undefined) ?? '';
    const before = this.#clock.now();
    const keys = [scope.redisKey('e', address), scope.redisKey('l', address)];
    const reply = await this.#link.commands.run(LEASE, keys, [token, LEASE_MS, seen]);
    if (Buffer.isBuffer(reply))
      return {
        kind: 'found',
        read: await this.#judge(address, reply, session, before),
      };
    if (reply !== 1) return { kind: 'busy' };
    return {
      kind: 'granted',
      ticket: { tier: 'l2', token, session, n0 } as Lease,
    };
  }

  async fill(address: Address, entry: Entry, ticket: Ticket): Promise<boolean> {
    const { token, session, n0 } = ticket as Lease;
    if (this.#link.session.epoch !== session.epoch) return false;
    const { scope } = address;
    const keys = [scope.redisKey('e', address), scope.redisKey('l', address)];
    const sealed = this.#seal(address, entry, session, n0);
    if (!sealed) return this.#giveBack(address, token);
    return (await this.#link.commands.run(FILL, keys, [token, sealed.bytes, sealed.ms])) === 1;
  }

  async release(address: Address, ticket: Ticket): Promise<void> {
    await this.#giveBack(address, (ticket as Lease).token);
  }

  async renew(address: Address, ticket: Ticket): Promise<boolean> {
    const key = address.scope.redisKey('l', address);
    return (await this.#link.commands.run(RENEW, [key], [(ticket as Lease).token, LEASE_MS])) === 1;
  }

  async apply(change: Change): Promise<void> {
    if (change.kind === 'tags' || change.addresses.length <= KEYS_PER_CHANGE)
      return this.#change(change);
    for (let at = 0; at < change.addresses.length; at += KEYS_PER_CHANGE) {
      await this.#change({
        kind: 'delete',
        addresses: change.addresses.slice(at, at + KEYS_PER_CHANGE),
      });
    }
  }

  status(): TierStatus {
    const { up, reason } = this.#link;
    const state = up ? 'up' : 'down';
    return {
      state,
      entries: 0,
      bytes: 0,
      evictions: 0,
      corrupt: this.#corrupt,
      ...(up || !reason ? {} : { reason }),
    };
  }

  async #mget(keys: readonly string[]): Promise<readonly (Buffer | null)[]> {
    const { commands } = this.#link;
    if (keys.length > 1) return (await commands.call('MGET', ...keys)) as (Buffer | null)[];
    return [(await commands.call('GET', keys[0])) as Buffer | null];
  }

  /** Bytes of this key as what they are worth under the session in which they were asked for. */
  async #judge(
    address: Address,
    bytes: Buffer,
    session: Session,
    before: number,
  ): Promise<TierRead> {
    const mark = bytes.subarray(ID_OFFSET, ID_OFFSET + ID_BYTES);
    const found = {
      mark: mark.length === ID_BYTES ? mark : undefined,
      bytes: bytes.length,
    };
    const opened = open(bytes, address.fingerprint);
    if (!opened) {
      this.#corrupt++;
      return { state: 'invalid', ...found };
    }
    if (opened.epoch !== session.epochNumber) return { state: 'invalid', ...found };
    if (!(await this.#outlived(address, opened))) return { state: 'invalid', ...found };
    if (this.#link.session.epoch !== session.epoch)
      throw unavailable('the epoch changed during the read');
    const entry = this.#entryOf(opened, session);
    if (before >= entry.staleUntil) return { state: 'absent', ...found };
    return {
      state: before < entry.freshUntil ? 'fresh' : 'stale',
      entry,
      ...found,
    };
  }

  async #outlived(address: Address, { tags, n0 }: Opened): Promise<boolean> {
    const { tenant, clearTag } = address.scope;
    const all = [...tags, clearTag];
    const verdict = this.#mirror.judge(tenant, all, n0);
    if (verdict !== 'unknown') return verdict === 'valid';
    await this.#know(tenant, all);
    return this.#mirror.judge(tenant, all, n0) === 'valid';
  }

  /** Fetches the numbers of tags that are not known yet. */
  async #know(tenant: string, tags: readonly string[]): Promise<void> {
    const missing = this.#mirror.missing(tenant, tags);
    if (missing.length === 0) return;
    const { keys, commands, session } = this.#link;
    const reply = (await commands.run(
      TAGS,
      [keys.sq, keys.tags(encodeSegment(tenant))],
      missing.map(field),
    )) as (Buffer | null)[] | null;
    if (!reply) {
      await this.#link.resync();
      throw unavailable('the counter was lost');
    }
    if (this.#link.session !== session) throw unavailable('out of sync during the read');
    const [number, floor, ...numbers] = reply.map((part) => (part === null ? 0 : Number(part)));
    this.#link.learn(number);
    missing.forEach((tag, index) =>
      this.#mirror.fetched(tenant, tag, Math.max(floor, numbers[index])),
    );
  }

  /** So that the number taken next is not under the floor of a tag record that is made just now. */
  #knowClear({ tenant, clearTag }: Scope): Promise<void> {
    return this.#know(tenant, [clearTag]);
  }

  async #giveBack(address: Address, token: string): Promise<boolean> {
    return (
      (await this.#link.commands.run(RELEASE, [address.scope.redisKey('l', address)], [token])) ===
      1
    );
  }

  async #change(change: Change): Promise<void> {
    // Once more after a SYNC: the epoch may have changed since this process last heard.
    for (let tries = 0; tries < 2; tries++) {
      // As for a ticket: a value stored under a number below its tenant's floor would be born invalid.
      if (change.kind === 'set') await this.#knowClear(change.addresses[0].scope);
      const { session } = this.#link;
      const reply = await this.#send(change, session);
      if (reply !== null) {
        const number = Number(reply);
        if (change.kind === 'tags') this.#mirror.heard(change.tenant, change.tags, number);
        this.#link.learn(number);
        return;
      }
      await this.#link.resync();
    }
    throw unavailable('the epoch changes all the time');
  }

  #send(change: Change, session: Session): Promise<unknown> {
    const { commands, keys, number } = this.#link;
    const { type, payload } = encodeChange(change);
    const tenant = change.kind === 'tags' ? change.tenant : change.addresses[0].scope.tenant;
    const shared = [keys.sq, keys.ep, keys.stream, keys.tags(encodeSegment(tenant))];
    const head = [session.epoch, this.#sender, type, payload];
    if (change.kind === 'tags')
      return commands.run(CHANGE, shared, [...head, '', 0, ...change.tags.map(field)]);
    const own = change.addresses.flatMap((address) => [
      address.scope.redisKey('e', address),
      address.scope.redisKey('l', address),
    ]);
    const sealed =
      change.kind === 'set'
        ? this.#seal(change.addresses[0], change.entry, session, number)
        : undefined;
    return commands.run(
      CHANGE,
      [...shared, ...own],
      [...head, sealed?.bytes ?? '', sealed?.ms ?? 0],
    );
  }

  /** `undefined` where the entry is too large or has no life left. */
  #seal(
    address: Address,
    entry: Entry,
    session: Session,
    n0: number,
  ): { bytes: Buffer; ms: number } | undefined {
    const now = this.#clock.now();
    const kept = this.options.ttl === undefined ? entry : capped(entry, now, this.options.ttl);
    const ms = Math.floor(kept.staleUntil - now);
    if (ms <= 0) return undefined;
    const header = {
      createdAt: kept.createdAt + session.offset.least,
      ttl: Math.floor(kept.freshUntil - kept.createdAt),
      grace: Math.floor(kept.staleUntil - kept.freshUntil),
      loadMs: kept.loadMs,
      n0,
      epoch: session.epochNumber,
      tags: kept.tags,
    };
    const bytes = seal(kept.value, kept.shape, header, address.fingerprint);
    return bytes.length > MAX_BYTES ? undefined : { bytes, ms };
  }

  #entryOf({ value, shape, tags, createdAt, ttl, grace, loadMs }: Opened, session: Session): Entry {
    const created = createdAt - session.offset.most;
    return {
      value,
      shape,
      tags,
      createdAt: created,
      freshUntil: created + ttl,
      staleUntil: created + ttl + grace,
      loadMs,
    };
  }
}

/** A tag as a field of the hash, so that none can be named like the floor. */
function field(tag: string): string {
  return `=${tag}`;
}
