/** L2: entries in Redis, shared by all processes; fills are fenced by leases, changes are announced on a stream. */
import { randomBytes } from 'node:crypto';
import type { Clock } from '../../core/clock.js';
import type { Entry } from '../../core/entry.js';
import { ID_BYTES, ID_OFFSET, open } from '../../core/envelope.js';
import { encodeSegment, type Address } from '../../core/key.js';
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
import { CHANGE, FILL, LEASE, RELEASE, RENEW } from './scripts.js';
import type { Session } from './session.js';
import { field, TagNumbers } from './tag-numbers.js';
import { entryOf, sealEntry } from './wire.js';

const LEASE_MS = 2_000;
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
  readonly #tags: TagNumbers;
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
        this.#tags.drop();
        this.#listener?.lost();
        this.#listener?.state('up');
      },
      down: () => this.#listener?.state('down'),
      message: ({ number, change }) => {
        if (change.kind === 'tags') this.#tags.heard(change.tenant, change.tags, number);
        this.#listener?.changed(change);
      },
      rubbish: () => this.#missedMessages++,
    });
    this.#tags = new TagNumbers(this.#link);
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
    await this.#tags.knowClear(scope);
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
    const sealed = sealEntry(address, entry, session, n0, this.#clock.now(), this.options.ttl);
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
    if (!(await this.#tags.outlived(address.scope, opened.tags, opened.n0)))
      return { state: 'invalid', ...found };
    if (this.#link.session.epoch !== session.epoch)
      throw unavailable('the epoch changed during the read');
    const entry = entryOf(opened, session);
    if (before >= entry.staleUntil) return { state: 'absent', ...found };
    return {
      state: before < entry.freshUntil ? 'fresh' : 'stale',
      entry,
      ...found,
    };
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
      if (change.kind === 'set') await this.#tags.knowClear(change.addresses[0].scope);
      const { session } = this.#link;
      const reply = await this.#send(change, session);
      if (reply !== null) {
        const number = Number(reply);
        if (change.kind === 'tags') this.#tags.heard(change.tenant, change.tags, number);
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
        ? sealEntry(
            change.addresses[0],
            change.entry,
            session,
            number,
            this.#clock.now(),
            this.options.ttl,
          )
        : undefined;
    return commands.run(
      CHANGE,
      [...shared, ...own],
      [...head, sealed?.bytes ?? '', sealed?.ms ?? 0],
    );
  }
}
