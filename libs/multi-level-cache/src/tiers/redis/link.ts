/** Keeps this process in sync with Redis: both connections, SYNC on every (re)connect, the tail of the stream. */
import { randomBytes } from 'node:crypto';
import type { Sequences } from '../../coherence/sequences.js';
import type { Address } from '../../core/key.js';
import type { Clock } from '../../core/clock.js';
import type { L2Options } from '../../core/options.js';
import type { Trouble } from '../../core/tier.js';
import { tail, type Message } from './backplane.js';
import type { Commands } from './commands.js';
import { connectMasters, troubleOf, unavailable } from './connection.js';
import { Connections, RETRY_MS } from './connections.js';
import { BEAT_MS, Heartbeat } from './heartbeat.js';
import type { LinkDeps, LinkEvents } from './link-events.js';
import { recallGuards, recallSequences, replay, type Hearing } from './replay.js';
import { hasMoved, missingCommands, SharedKeys, sync, type Session } from './session.js';
import { StreamSeal, type Heard } from './stream-seal.js';

export class Link {
  /** Who tells what this process changes; it has made it in memory itself, and does not need to hear it. */
  readonly sender = randomBytes(6).toString('hex');
  readonly keys: SharedKeys;
  readonly clock: Clock;
  readonly seal: StreamSeal | undefined;
  readonly #connections: Connections;
  readonly #heartbeat: Heartbeat;
  /** What keeps it out of sync. */
  trouble: Trouble | undefined;
  #permitted = false;
  #session: Session | undefined;
  /** The one before, or this one: up to where everything has been heard. */
  #old: Session | undefined;
  /** Something did not follow: to hear the same again would prove nothing. */
  #missed = false;
  /** Other nodes of a cluster have keys than before. */
  #mastersMoved = false;
  /** In whichever epoch. */
  #seen = 0;
  #syncing: Promise<Session> | undefined;
  #closed = false;

  constructor(
    readonly options: L2Options,
    namespace: string,
    { clock, random, seal }: LinkDeps,
    readonly events: LinkEvents,
  ) {
    this.clock = clock;
    this.keys = new SharedKeys(namespace);
    this.seal = seal && new StreamSeal(seal);
    const connected = {
      ready: () => this.resync(),
      closed: () => {
        this.#permitted = false;
        this.#lose();
      },
      failed: (trouble: Trouble) => {
        this.trouble = trouble;
      },
      mastersMoved: () => {
        this.#mastersMoved = true;
        if (this.#session) void this.resync().catch(() => undefined);
      },
    };
    this.#connections = new Connections(options, this.keys, clock, random, connected);
    this.#heartbeat = new Heartbeat(this, random, () => this.#listenAnew());
  }

  /** Resolves with the first SYNC or the first failure. */
  open(): Promise<void> {
    return this.#connections.open();
  }

  /** The session, or an error at once while there is none. */
  get session(): Session {
    if (!this.#session) throw unavailable(`Redis is ${this.trouble?.reason ?? 'not in sync'}`);
    return this.#session;
  }

  get up(): boolean {
    return this.#session !== undefined;
  }

  /** Whether this is still the stretch that began with `session`. */
  isCurrent(session: Session): boolean {
    return this.#session === session;
  }

  /** For commands within a session. */
  get commands(): Commands {
    return this.#connections.commands;
  }

  /** Which node of a cluster has this key; one name for all while none is known. */
  nodeOf(address: Address): string {
    const { commands, known } = this.#connections;
    return known ? commands.nodeOf(address.entryKey) : '';
  }

  /** The highest number known: a lower bound of the store's counter from now on. */
  get number(): number {
    return this.#seen;
  }

  learn(number: number): void {
    if (number > this.#seen) this.#seen = number;
  }

  /** Asks where Redis stands and begins a new session; callers at the same time share one question. */
  resync(): Promise<Session> {
    return (this.#syncing ??= this.#sync().finally(() => {
      this.#syncing = undefined;
    }));
  }

  close(): void {
    this.#closed = true;
    this.#session = undefined;
    this.#connections.close();
  }

  async #sync(): Promise<Session> {
    this.#lose();
    try {
      await connectMasters(this.commands.client);
      if (!this.#permitted) await this.#assertPermitted();
      const old = this.#old;
      const mastersMoved = this.#mastersMoved;
      this.#mastersMoved = false;
      const whenMoved = this.options.failover === 'cold';
      const unless = this.events.forgot() ? old?.history : undefined;
      const asked = this.clock.now();
      const told = this.#connections.told();
      const session = await sync(this.commands, this.keys, this.clock, this.#seen, {
        whenMoved,
        unless,
      });
      this.#connections.assertOneServer(session.history, await told);
      const complete = await this.#catchUp(session);
      this.#missed = false;
      if (old && hasMoved(old, session, mastersMoved)) await this.events.moved(session);
      if (this.#closed || !this.#connections.writable) throw unavailable('Redis went away');
      this.#seen = Math.max(session.lastNumber, this.#seen);
      this.#session = this.#old = session;
      this.trouble = undefined;
      this.events.synced(complete);
      this.events.heard(asked);
      if (this.options.quiet === true) this.#forgetLater(session);
      else {
        void this.#follow(session);
        this.#heartbeat.start(session);
      }
      return session;
    } catch (error) {
      this.trouble = troubleOf(error);
      if (!this.#closed) this.clock.after(RETRY_MS, () => this.#again());
      throw error;
    }
  }

  /** Hears what it has missed, or at least who is writing what; says whether it was all. */
  async #catchUp(session: Session): Promise<boolean> {
    const hearing: Hearing = {
      commands: this.commands,
      stream: this.keys.stream,
      judge: (told, sequences, since) => this.#judge(told, sequences, since),
      hear: (message) => this.events.message(message),
    };
    const complete = await replay(hearing, this.#missed ? undefined : this.#old, session);
    if (complete) return true;
    if (this.seal) await recallSequences(hearing, session);
    await recallGuards(hearing, session);
    return false;
  }

  #judge(told: Message | undefined, sequences: Sequences, since: number): Heard {
    if (!this.seal) return told?.sealed === undefined ? told : undefined;
    const heard = this.seal.judge(told, sequences, since);
    if (heard === 'refused') this.events.refused();
    return heard;
  }

  /** Named at boot and at every reconnect, before anything relies on it. */
  async #assertPermitted(): Promise<void> {
    const missing = await missingCommands(this.commands, this.keys);
    if (missing.length > 0) throw unavailable(`needs ${missing.join(', ')}`);
    this.#permitted = true;
  }

  /** A SYNC that failed on a living connection (missing permission, silence) is tried again. */
  #again(): void {
    if (!this.#closed && !this.#session && this.#connections.ready)
      void this.resync().catch(() => undefined);
  }

  #lose(): void {
    if (!this.#session) return;
    this.#session = undefined;
    this.events.down();
  }

  async #follow(session: Session): Promise<void> {
    const current = (): boolean => this.isCurrent(session);
    try {
      await tail(this.#connections.tail, this.keys.stream, session.cursor, current, {
        now: () => this.clock.now(),
        own: this.sender,
        message: (id, message) => this.#hear(session, id, message),
        complete: (at) => {
          if (current()) this.events.heard(at);
        },
      });
    } catch (error) {
      if (!current()) return;
      // Without messages nothing in memory can be trusted; the connection, if it lives, is synced again.
      this.#connections.tailEnded();
      this.trouble = troubleOf(error);
      this.#lose();
      this.clock.after(RETRY_MS, () => this.#again());
    }
  }

  /** Where nobody tells anything, what was told by the store itself is not believed for longer than this. */
  #forgetLater(session: Session): void {
    this.clock.after(BEAT_MS, () => {
      if (this.#session !== session) return;
      this.events.forget();
      this.events.heard(this.clock.now());
      this.#forgetLater(session);
    });
  }

  /** The stream is read from a server that is none any more. */
  #listenAnew(): void {
    this.trouble = { reason: 'not heard of' };
    this.#lose();
    this.#connections.tail.disconnect(true);
  }

  /**
   * Every number must follow the one before: a gap, another epoch or rubbish means that something was missed. From what is refused
   * nothing follows; if it was an honest change that has a number, the next message leaves a gap.
   */
  #hear(session: Session, id: string, told: Message | undefined): void {
    const message = this.#judge(told, session.sequences, session.lastNumber);
    if (message === 'refused') {
      session.cursor = id;
      return;
    }
    if (message?.epoch === session.epoch && message.number === session.lastNumber + 1) {
      session.lastNumber = message.number;
      session.cursor = id;
      session.heardAt = this.clock.now();
      this.learn(message.number);
      // Ids of a stream begin with the server's time.
      const lagMs = session.heardAt + session.offset.least - Number.parseInt(id, 10);
      this.events.message(message, Math.max(lagMs, 0));
      return;
    }
    if (!message) this.events.rubbish();
    this.#missed = true;
    void this.resync().catch(() => undefined);
  }
}
