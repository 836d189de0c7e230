/** L2: entries in Redis, shared by all processes; fills are fenced by leases, changes are announced on a stream. */
import { randomBytes } from 'node:crypto';
import type { Clock } from '../../core/clock.js';
import { expired, type Entry } from '../../core/entry.js';
import { ID_BYTES, ID_OFFSET, open } from '../../core/envelope.js';
import type { Address } from '../../core/key.js';
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
import { Changes } from './changes.js';
import { unavailable } from './connection.js';
import { Link } from './link.js';
import { FILL, LEASE, RELEASE, RENEW } from './scripts.js';
import type { Session } from './session.js';
import { TagNumbers } from './tag-numbers.js';
import { entryOf, sealEntry } from './wire.js';

const LEASE_MS = 2_000;
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
  readonly #changes: Changes;
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
        if (change.kind === 'tags')
          this.#tags.heard(change.tenant, change.tags, number, change.soft === true);
        this.#listener?.changed(change);
      },
      rubbish: () => this.#missedMessages++,
    });
    this.#tags = new TagNumbers(this.#link);
    this.#changes = new Changes(this.#link, this.#tags, deps.clock, options.ttl);
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
    const bytes = await this.#link.commands.get(address.scope.redisKey('e', address));
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

  apply(change: Change): Promise<void> {
    return this.#changes.apply(change);
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
    const opened = open(bytes, address.fingerprint, address.scope.rules.types);
    if (!opened) {
      this.#corrupt++;
      return { state: 'invalid', ...found };
    }
    if (opened.epoch !== session.epochNumber) return { state: 'invalid', ...found };
    const verdict = await this.#tags.judge(address, opened.tags, opened.n0);
    if (verdict !== 'valid' && verdict !== 'stale') return { state: 'invalid', ...found };
    if (this.#link.session.epoch !== session.epoch)
      throw unavailable('the epoch changed during the read');
    const whole = entryOf(opened, session);
    const entry = verdict === 'stale' ? expired(whole, before) : whole;
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
}
