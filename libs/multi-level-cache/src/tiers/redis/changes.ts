/** Writes and invalidations on their way into Redis: chunked, announced, and tried again after a SYNC. */
import { RecentChanges } from '../../coherence/recent-changes.js';
import { encodeChange, partsOf, removal } from '../../core/change.js';
import type { Clock } from '../../core/clock.js';
import { encodeSegment, type Address } from '../../core/key.js';
import { spellOrigin } from '../../core/origin.js';
import type { ApplyHow, Change } from '../../core/tier.js';
import { unavailable } from './connection.js';
import type { Link } from './link.js';
import type { Resealing } from './resealing.js';
import { CHANGE, ENTRY, GUARD, MODE, type Mode } from './scripts.js';
import type { Session } from './session.js';
import { field, withGroups, type TagNumbers } from './tag-numbers.js';
import { NOTHING, packed, sealEntry, type Body } from './wire.js';

/** So that messages stay small. */
export const KEYS_PER_MESSAGE = 100;

interface How {
  readonly until: number;
  readonly debt: string;
  /** The keys only: neither counted nor told. Tags are counted, and who counts tells. */
  readonly quiet: boolean;
  readonly sender: string;
}

/** In the place of a sender: this process hears it as well. */
const NO_SENDER = '';
const NO_MESSAGE = { type: '', payload: '' };

type Timed = Extract<Change, { kind: 'expire' | 'touch' }>;
type Guarding = Extract<Change, { kind: 'guard' | 'unguard' }>;
type Keyed = Exclude<Change, Guarding | { kind: 'tags' }>;

export class Changes {
  /** Announcements that Redis has taken. */
  published = 0;
  readonly #recent = new RecentChanges();

  constructor(
    readonly link: Link,
    readonly tags: TagNumbers,
    readonly clock: Clock,
    readonly cap: number | undefined,
    readonly resealing: Resealing,
  ) {}

  /**
   * A replica took over, or the server started anew: what it had acknowledged last may be lost, and this process alone may know.
   * Its own changes of the last seconds are made again, as removals, before anything is read.
   */
  async again(session: Session): Promise<void> {
    // Memory may have learned from the new server before it was known to be new.
    const how = { until: Infinity, debt: '', quiet: false, sender: NO_SENDER };
    for (const change of this.#recent.all(this.clock.now())) await this.#send(change, session, how);
  }

  /** Whether all that may have to be made again is still known. */
  get complete(): boolean {
    return this.#recent.complete(this.clock.now());
  }

  /** Resolves when Redis has taken all of it. */
  async apply(change: Change, how: ApplyHow = {}): Promise<void> {
    const { until = Infinity, debt } = how;
    // What L3 has not taken everybody must hear of.
    const quiet = debt === undefined && how.quiet === true;
    const sender = spellOrigin({ sender: this.link.sender, trace: how.trace });
    const settled = await Promise.allSettled(
      partsOf(change, KEYS_PER_MESSAGE).map((part, at) => {
        const name = debt === undefined ? '' : `${debt}.${at}`;
        return this.#apply(part, { until, debt: name, quiet, sender });
      }),
    );
    const failed = settled.find((part) => part.status === 'rejected');
    if (failed) throw failed.reason;
  }

  async #apply(change: Change, how: How): Promise<void> {
    // Once more after a SYNC: the epoch may have changed since this process last heard.
    for (let tries = 0; tries < 2; tries++) {
      // As for a ticket: a value stored under a number below its tenant's floor would be born invalid.
      if (change.kind === 'set') {
        const asked = this.tags.knowClear(change.addresses[0].scope);
        if (asked) await asked;
        if (this.clock.now() >= how.until) throw unavailable('Redis answered too late');
      }
      const { session } = this.link;
      const bodies = changesTimes(change) ? await this.#renewed(change, session) : undefined;
      const reply = await this.#send(change, session, how, bodies);
      if (reply !== null) {
        const number = Number(reply);
        // Done here, and nobody but this process knows what L3 is owed.
        if (number === 0) throw unavailable('the book of debts is full');
        if (change.kind === 'tags')
          this.tags.heard(change.tenant, change.tags, number, change.soft === true);
        this.link.learn(number);
        if (this.link.options.quiet !== true && (!how.quiet || change.kind === 'tags'))
          this.published++;
        this.#recent.add(removal(change), this.clock.now());
        return;
      }
      await this.link.resync();
    }
    throw unavailable('the epoch changes all the time');
  }

  /** The times of encrypted entries cannot be changed where they are. */
  #renewed(change: Timed, session: Session): Promise<readonly Buffer[]> {
    const ms = change.kind === 'touch' ? this.#capped(change.ms) : 0;
    return this.resealing.bodies(change.addresses, ms, session);
  }

  /** @param renewed - envelopes with other times, where entries are encrypted */
  async #send(
    change: Change,
    session: Session,
    how: How,
    renewed: readonly Buffer[] = [],
  ): Promise<unknown> {
    const { debt, quiet, sender } = how;
    const { commands, keys } = this.link;
    const { type, payload } = this.#message(change, session, how);
    const tenant = change.kind === 'tags' ? change.tenant : change.addresses[0].scope.tenant;
    const tags = keys.tags(encodeSegment(tenant));
    const shared = [keys.sq, keys.ep, keys.stream, keys.debts, tags];
    const head = [session.epoch, sender, type, payload, debt];
    if (change.kind === 'tags') {
      const fields = withGroups(change.tags).map((tag) => field(tag, change.soft === true));
      return commands.run(CHANGE, shared, [...head, MODE.tags, ...fields]);
    }
    const announce = (): Promise<unknown> =>
      quiet
        ? Promise.resolve(this.link.number)
        : commands.run(CHANGE, shared, [...head, MODE.drop]);
    if (change.kind === 'guard' || change.kind === 'unguard') return this.#guard(change, announce);
    const mode = modeOf(change);
    const bodies = this.#bodies(change, session, renewed);
    if (!commands.isCluster && !quiet) {
      const entries = change.addresses.map(({ entryKey }) => entryKey);
      const rest = mode === MODE.set ? [packed(bodies)] : bodies.flat();
      return commands.run(CHANGE, [...shared, ...entries], [...head, mode, ...rest]);
    }
    // Slots of their own: entries first, then the announcement, so that who hears of it reads nothing older.
    const entries = change.addresses.map((address, at) =>
      commands.run(ENTRY, pairOf(address), [mode, ...bodies[at]]),
    );
    return this.#announce(entries, announce);
  }

  #message(change: Change, session: Session, { debt, sender }: How): typeof NO_MESSAGE {
    const { options, seal } = this.link;
    if (options.quiet === true) return NO_MESSAGE;
    const told = encodeChange(change);
    if (!seal) return told;
    // What is made again is told before the session has begun.
    const known = Math.max(this.link.number, session.lastNumber);
    return seal.wrap(told, { epoch: session.epoch, sender, debt, known });
  }

  /** The keys' own records first, then the announcement: on one server in one round trip. */
  async #guard(change: Guarding, tell: () => Promise<unknown>): Promise<unknown> {
    const ms = change.kind === 'guard' ? change.ms : 0;
    const { commands } = this.link;
    const guards = change.addresses.map((address) =>
      commands.run(
        GUARD,
        [...pairOf(address), address.scope.redisKey('w', address)],
        [change.id, ms],
      ),
    );
    return this.#announce(guards, tell);
  }

  async #announce(
    steps: readonly Promise<unknown>[],
    tell: () => Promise<unknown>,
  ): Promise<unknown> {
    const settled = Promise.allSettled(steps);
    if (this.link.commands.isCluster) await settled;
    const number = await tell();
    // A node that is away still holds its entries: the rest was told all the same, and the caller owes this one.
    const failed = (await settled).find((step) => step.status === 'rejected');
    if (failed) throw failed.reason;
    return number;
  }

  #bodies(change: Keyed, session: Session, renewed: readonly Buffer[]): readonly Body[] {
    const { addresses } = change;
    if (change.kind !== 'set') {
      const ms = change.kind === 'touch' ? this.#capped(change.ms) : 0;
      return addresses.map((_address, at) => [renewed[at] ?? NOTHING, ms]);
    }
    const { number } = this.link;
    const now = this.clock.now();
    return addresses.map((address, at) => {
      const sealed = sealEntry(address, change.entries[at], session, number, now, this.cap);
      return typeof sealed === 'object' ? [sealed.bytes, sealed.ms] : [NOTHING, 0];
    });
  }

  #capped(ms: number): number {
    return Math.min(ms, this.cap ?? Infinity);
  }
}

/** Where encrypted entries have to be sealed anew. */
function changesTimes(change: Change): change is Timed {
  if (change.kind !== 'expire' && change.kind !== 'touch') return false;
  return change.addresses[0]?.scope.rules.vault !== undefined;
}

function pairOf(address: Address): [string, string] {
  return [address.entryKey, address.leaseKey];
}

function modeOf({ kind }: Keyed): Mode {
  return kind === 'delete' ? MODE.drop : MODE[kind];
}
