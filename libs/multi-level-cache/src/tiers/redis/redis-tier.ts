/** L2: entries in Redis, shared by all processes; fills are fenced by leases, changes are announced on a stream. */
import { randomBytes } from 'node:crypto';
import { chance, type Clock } from '../../core/clock.js';
import type { Verdict } from '../../coherence/tag-mirror.js';
import { expired, type Entry } from '../../core/entry.js';
import { ID_BYTES, ID_OFFSET, type Opened } from '../../core/envelope.js';
import type { Advice, EntriesPage } from '../../core/inspection.js';
import type { Address, Scope } from '../../core/key.js';
import type { MessageSeal, RefusedMessage } from '../../core/message-seal.js';
import type { L2Options } from '../../core/options.js';
import { isAged, type Unopened } from '../../core/sealed.js';
import type {
  ApplyHow,
  Asker,
  HeardMany,
  Change,
  DebtBook,
  Filled,
  Kept,
  ListQuery,
  MaybePromise,
  Ticket,
  TicketReply,
  Tier,
  TierListener,
  TierRead,
  TierStatus,
  Trouble,
} from '../../core/tier.js';
import { ReadCoalescer } from '../read-coalescer.js';
import { GatheredChanges } from '../gathered-changes.js';
import { OpenedBefore } from '../opened-before.js';
import { adviceOnRedis } from './advice.js';
import { Changes, KEYS_PER_MESSAGE } from './changes.js';
import { areOfCluster, troubleOf, unavailable } from './connection.js';
import { askServers } from './server-info.js';
import { RedisDebtBook } from './debt-book.js';
import { Resealing } from './resealing.js';
import { TenantKeyHash } from './tenant-keys.js';
import { Link } from './link.js';
import { Listing } from './listing.js';
import { FILL, LEASE, RELEASE, RENEW } from './scripts.js';
import type { Session } from './session.js';
import { TagNumbers } from './tag-numbers.js';
import { entryOf, sealEntry } from './wire.js';

const LEASE_MS = 2_000;
/** Redis answers this many keys in less time than a call costs this process. */
const WORTH_A_CALL = 32;
const ABSENT: TierRead = Object.freeze({ state: 'absent' });

/** What was made of an envelope that is kept: while nothing it was judged by has changed, and it is fresh, a read finds the same. */
interface Made {
  readonly session: Session;
  /** Of the tag numbers. */
  readonly changes: number;
  readonly read: TierRead;
  readonly freshUntil: number;
}

/** Bytes that Redis gave, when they were asked for, and under which session. */
interface Reply {
  readonly bytes: Buffer;
  readonly session: Session;
  readonly at: number;
}

interface Lease extends Ticket {
  readonly tier: 'l2';
  readonly token: string;
  readonly session: Session;
  /** Taken before anything was read. */
  readonly n0: number;
}

export class RedisTier implements Tier {
  readonly name = 'l2';
  readonly book: DebtBook;
  readonly keys: TenantKeyHash;
  readonly #resealing: Resealing;
  readonly #link: Link;
  readonly #tags: TagNumbers;
  readonly #clock: Clock;
  readonly #changes: Changes;
  readonly #gathered: GatheredChanges;
  /** Only a cluster has parts: asking which one costs each read something. */
  readonly partOf?: (address: Address) => string;
  readonly #reads: ReadCoalescer;
  /** The same of each node of a cluster. */
  readonly #readsOn = new Map<string, ReadCoalescer>();
  #listener: TierListener | undefined;
  readonly #opened: OpenedBefore;
  /** With a number, what its leases are known by: no other process has it. */
  readonly #name = `${randomBytes(8).toString('hex')}.`;
  #leases = 0;
  #corrupt = 0;
  /** Messages that were not ours, and messages and debts that were refused. */
  #rubbish = 0;
  #received = 0;
  readonly #rejected = { lease: 0, epoch: 0 };

  constructor(
    readonly options: L2Options,
    deps: {
      readonly namespace: string;
      readonly clock: Clock;
      readonly random?: (() => number) | undefined;
      /** Messages and debts are sealed, and others are refused. */
      readonly seal?: MessageSeal | undefined;
      readonly onRefused?: ((what: RefusedMessage) => void) | undefined;
      /** Callers may change what they get. */
      readonly shared?: boolean;
    },
  ) {
    this.#clock = deps.clock;
    this.#opened = new OpenedBefore(deps.clock, deps.shared);
    const { namespace, clock, random = chance, seal } = deps;
    const refused = (what: RefusedMessage): void => {
      this.#rubbish++;
      deps.onRefused?.(what);
    };
    this.#link = new Link(
      options,
      namespace,
      { clock, random, seal },
      {
        synced: (complete) => {
          if (!complete) {
            this.#tags.drop();
            this.#listener?.lost();
          }
          this.#listener?.state('up');
        },
        moved: (session) => this.#changes.again(session),
        forgot: () => !this.#changes.complete,
        heard: (at) => this.#listener?.heard?.(at),
        down: () => this.#listener?.state('down'),
        message: ({ number, sender, trace, change, debt }, lagMs) => {
          if (!change) return;
          this.#received++;
          if (lagMs !== undefined) this.#listener?.lagged?.(lagMs);
          if (change.kind === 'tags')
            this.#tags.heard(change.tenant, change.tags, number, change.soft === true);
          // What is owed has to be struck when it has been paid, whoever it was that owes it.
          if (sender !== this.#link.sender || debt !== undefined)
            this.#listener?.changed(change, debt, trace);
        },
        forget: () => this.#tags.drop(),
        rubbish: () => this.#rubbish++,
        refused: () => refused('message'),
      },
    );
    this.#reads = this.#readsOf('');
    if (areOfCluster(options)) this.partOf = (address) => this.#link.nodeOf(address);
    this.book = new RedisDebtBook(this.#link, () => refused('debt'));
    this.keys = new TenantKeyHash(this.#link);
    this.#resealing = new Resealing(this.#link);
    this.#tags = new TagNumbers(this.#link);
    this.#changes = new Changes(this.#link, this.#tags, deps.clock, options.ttl, this.#resealing);
    const make = (change: Change, how: ApplyHow): Promise<void> => this.#changes.apply(change, how);
    this.#gathered = new GatheredChanges(make, clock, KEYS_PER_MESSAGE, true);
  }

  async open(listener: TierListener): Promise<void> {
    this.#listener = listener;
    await this.#link.open();
  }

  close(): Promise<void> {
    this.#link.close();
    return Promise.resolve();
  }

  troubleOf(error: unknown): Trouble {
    return troubleOf(error);
  }

  read(address: Address, together?: boolean): Promise<TierRead> {
    return this.#readsFor(address).ask(address, together);
  }

  tell(address: Address, asker: Asker<TierRead>, together?: boolean): void {
    this.#readsFor(address).tell(address, asker, together);
  }

  readMany(addresses: readonly Address[], heard: HeardMany): Promise<void> | undefined {
    return this.#readsFor(addresses[0]).askMany(addresses, heard);
  }

  async verify(address: Address): Promise<TierRead> {
    const { session } = this.#link;
    const read = await this.read(address, true);
    if (!read.entry) return read;
    // After the entry was read: a bump that came in between is seen, and one from before in any case.
    await this.#tags.refresh(address, read.entry.tags);
    this.#assertEpoch(session);
    const bytes = read.mark as Buffer;
    return this.#judge(address, bytes, session, this.#clock.now());
  }

  async ticket(
    address: Address,
    read: TierRead,
    tags: readonly string[] = [],
  ): Promise<TicketReply> {
    const { session } = this.#link;
    const { scope } = address;
    const asked = this.#tags.knowClear(scope);
    if (asked) await asked;
    const n0 = this.#link.number;
    const token = `${this.#name}${(this.#leases++).toString(36)}:${n0}`;
    const bumped = this.#tags.latest(address, tags);
    const seen = (read.mark as Buffer | undefined)?.subarray(ID_OFFSET, ID_OFFSET + ID_BYTES) ?? '';
    const keys = [address.entryKey, address.leaseKey, scope.redisKey('w', address)];
    const reply = await this.#link.commands.run(LEASE, keys, [token, LEASE_MS, seen, bumped]);
    if (Buffer.isBuffer(reply))
      return {
        kind: 'found',
        // As of the answer: it may have been expired while the question was on its way, by a change that has ended since.
        read: await this.#judge(address, reply, session, this.#clock.now()),
      };
    if (reply !== 1) return { kind: reply === 2 ? 'guarded' : 'busy' };
    return {
      kind: 'granted',
      ticket: { tier: 'l2', token, session, n0 } as Lease,
    };
  }

  async fill(address: Address, entry: Entry, ticket: Ticket): Promise<Filled> {
    const { token, session, n0 } = ticket as Lease;
    if (this.#link.session.epoch !== session.epoch) {
      this.#rejected.epoch++;
      return false;
    }
    const keys = [address.entryKey, address.leaseKey];
    const sealed = sealEntry(address, entry, session, n0, this.#clock.now(), this.options.ttl);
    if (typeof sealed !== 'object') {
      const held = await this.#giveBack(address, token);
      return held && sealed !== undefined ? sealed : held;
    }
    const reply = await this.#link.commands.run(FILL, keys, [token, sealed.bytes, sealed.ms]);
    if (reply !== 1) this.#rejected.lease++;
    return reply === 1;
  }

  release(address: Address, ticket: Ticket): Promise<boolean> {
    return this.#giveBack(address, (ticket as Lease).token);
  }

  async renew(address: Address, ticket: Ticket): Promise<boolean> {
    const key = address.leaseKey;
    return (await this.#link.commands.run(RENEW, [key], [(ticket as Lease).token, LEASE_MS])) === 1;
  }

  list(scope: Scope, query: ListQuery): Promise<EntriesPage> {
    return new Listing(this.#link, this.#tags, this.#clock).page(scope, query);
  }

  apply(change: Change, how: ApplyHow = {}): Promise<void> {
    return this.#gathered.apply(change, how);
  }

  take(change: Change, how: ApplyHow, asker: Asker<void>): void {
    this.#gathered.take(change, how, asker);
  }

  status(): TierStatus {
    const { trouble, up } = this.#link;
    const state = up ? 'up' : 'down';
    const why = up ? undefined : trouble;
    const corrupt = this.#corrupt + this.#rubbish;
    const { published } = this.#changes;
    const messages = { published, received: this.#received, dropped: this.#rubbish };
    const rejected = { ...this.#rejected };
    return { state, entries: 0, bytes: 0, evictions: 0, corrupt, messages, rejected, ...why };
  }

  async advise(kept: Kept): Promise<readonly Advice[]> {
    const servers = await askServers(this.#link.commands.client);
    return adviceOnRedis(servers, { ...kept, failover: this.options.failover });
  }

  #readsFor(address: Address): ReadCoalescer {
    if (!this.partOf) return this.#reads;
    const node = this.partOf(address);
    let reads = this.#readsOn.get(node);
    if (!reads) this.#readsOn.set(node, (reads = this.#readsOf(node)));
    return reads;
  }

  /** Reads of one node's keys, many at a time; of one key of a moment, once. */
  #readsOf(node: string): ReadCoalescer {
    const send = async (
      addresses: readonly Address[],
    ): Promise<readonly MaybePromise<TierRead>[]> => {
      const { commands, session } = this.#link;
      const at = this.#clock.now();
      const keys = addresses.map(({ entryKey }) => entryKey);
      const values =
        keys.length === 1 ? [await commands.getOne(node, keys[0])] : await commands.get(node, keys);
      this.#assertEpoch(session);
      return values.map((bytes, index) =>
        bytes === null ? ABSENT : this.#judge(addresses[index], bytes, session, at),
      );
    };
    // Nodes of a cluster are at work beside each other as it is.
    return new ReadCoalescer(send, WORTH_A_CALL, undefined, !areOfCluster(this.options));
  }

  /** What the bytes of this key are worth under the session in which they were asked for. */
  #judge(address: Address, bytes: Buffer, session: Session, at: number): MaybePromise<TierRead> {
    const found = this.#opened.open(address, bytes);
    const { changes } = this.#tags;
    const made = typeof found === 'object' ? (found.made as Made | undefined) : undefined;
    if (made?.session === session && made.changes === changes && at < made.freshUntil)
      return made.read;
    const read = this.#judgeOpened(address, found, { bytes, session, at });
    if (typeof found === 'object' && !(read instanceof Promise))
      found.made = madeOf(found, read, session, changes);
    return read;
  }

  #judgeOpened(address: Address, found: Opened | Unopened, reply: Reply): MaybePromise<TierRead> {
    if (found === 'corrupt') this.#corrupt++;
    const opened = typeof found === 'string' ? undefined : found;
    if (opened?.epoch !== reply.session.epochNumber)
      return { ...readOf(reply), corrupt: found === 'corrupt' };
    if (isAged(address, reply.bytes)) this.#resealing.run(address, opened, reply);
    const { tags, n0 } = opened;
    const verdict = this.#tags.judge(address, tags, n0);
    if (verdict !== 'unknown') return readOf(reply, opened, verdict);
    return this.#tags.judgeAsking(address, tags, n0).then((asked) => {
      this.#assertEpoch(reply.session);
      return readOf(reply, opened, asked);
    });
  }

  #assertEpoch({ epoch }: Session): void {
    if (this.#link.session.epoch !== epoch) throw unavailable('the epoch changed during the read');
  }

  async #giveBack(address: Address, token: string): Promise<boolean> {
    return (await this.#link.commands.run(RELEASE, [address.leaseKey], [token])) === 1;
  }
}

/** `undefined` where it is not kept, or not fresh. */
function madeOf(
  { kept }: Opened,
  read: TierRead,
  session: Session,
  changes: number,
): Made | undefined {
  if (!kept || read.state !== 'fresh' || !read.entry) return undefined;
  // Not the bytes that came: they are a part of much larger ones.
  const { state, entry, bytes } = read;
  const shared: TierRead = { state, entry, mark: kept, bytes, shared: true };
  return { session, changes, read: shared, freshUntil: entry.freshUntil };
}

/** What its tags have left of an entry; without one, or with tags bumped, it is invalid. */
function readOf({ bytes, session, at }: Reply, opened?: Opened, verdict?: Verdict): TierRead {
  if (!opened || (verdict !== 'valid' && verdict !== 'stale'))
    return { state: 'invalid', mark: bytes, bytes: bytes.length };
  const whole = entryOf(opened, session);
  const entry = verdict === 'stale' ? expired(whole, at) : whole;
  if (at >= entry.staleUntil) return { state: 'absent', mark: bytes, bytes: bytes.length };
  // What was expired has no time to be fresh, and no clock gives it any.
  const fresh = opened.ttl > 0 && at < entry.freshUntil;
  return { state: fresh ? 'fresh' : 'stale', entry, mark: bytes, bytes: bytes.length };
}
