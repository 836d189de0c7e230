/** Sends commands, many at a time and bounded in time; what they mean is the tier's part. */
import type { Redis } from 'ioredis';
import type { Clock } from '../../core/clock.js';
import type { Asker } from '../../core/tier.js';
import { Coalescer } from '../coalescer.js';
import { mastersOf, nodeOf, serverNamed, unavailable, type Client } from './connection.js';
import type { Script } from './scripts.js';

/** While the oldest reply is this late, further commands are refused at once instead of piling up. */
const SUSPECT_MS = 200;

export type Argument = string | number | Buffer;
export type Command = readonly [name: string, ...args: Argument[]];
export type Reply = { readonly value: unknown } | { readonly error: Error };

/** Whoever waits for the reply to one command. */
class Calling implements Asker<Reply> {
  constructor(
    readonly lane: Lane,
    readonly command: Command,
    readonly lua: string | undefined,
    readonly resolve: (value: unknown) => void,
    readonly failed: (error: unknown) => void,
  ) {}

  answered(reply: Reply): void {
    if (!('error' in reply)) return this.resolve(reply.value);
    const isUnknown = reply.error.message.startsWith('NOSCRIPT');
    if (this.lua === undefined || !isUnknown) return this.failed(reply.error);
    this.resolve(this.lane.call(['EVAL', this.lua, ...this.command.slice(2)]));
  }
}

/**
 * One way to one Redis node: values as one MGET, everything else, what is asked in one tick and what gathers while two
 * bulk calls are under way, as one pipeline.
 */
class Lane {
  readonly #commands: Coalescer<Command, Reply>;
  #pending = 0;
  /** When the reply that is waited for longest became due; moves on with every reply. */
  #since = 0;
  #listening: Promise<void> | undefined;

  constructor(
    readonly client: Client,
    readonly clock: Clock,
    /** Keys of one node of a cluster need not share a slot, as MGET demands. */
    readonly ofCluster: boolean,
  ) {
    this.#commands = new Coalescer((commands) => this.#pipeline(commands));
  }

  /** @param lua - of the script that it runs by its hash: sent where the server does not know it */
  call(command: Command, lua?: string): Promise<unknown> {
    return new Promise((resolve, reject) =>
      this.#commands.tell(command, new Calling(this, command, lua, resolve, reject), true),
    );
  }

  getOne(key: string): Promise<Buffer | null> {
    return this.#bounded(() => this.client.getBuffer(key));
  }

  get(keys: readonly string[]): Promise<readonly (Buffer | null)[]> {
    if (this.ofCluster) return this.#getEach(keys);
    return this.#bounded(() => (this.client as Redis).mgetBuffer(keys as string[]));
  }

  async #getEach(keys: readonly string[]): Promise<readonly (Buffer | null)[]> {
    const replies = await this.#pipeline(keys.map((key) => ['GET', key] as const));
    return replies.map((reply) => {
      if ('error' in reply) throw reply.error;
      return reply.value as Buffer | null;
    });
  }

  async #pipeline(commands: readonly Command[]): Promise<readonly Reply[]> {
    if (commands.length === 1) {
      try {
        return [{ value: await this.#bounded(() => this.client.callBuffer(...commands[0])) }];
      } catch (error) {
        return [{ error: error as Error }];
      }
    }
    const pipeline = this.client.pipeline();
    for (const command of commands) pipeline.callBuffer(...command);
    const replies = await this.#bounded(() => pipeline.exec());
    if (!replies) throw unavailable('Redis dropped a pipeline');
    return replies.map(([error, value]) => (error ? { error } : { value }));
  }

  /** What it gives on is the reply itself: a promise between the two costs a lone read a turn of the queue. */
  #bounded<T>(send: () => Promise<T>): Promise<T> {
    if (this.#late) return this.#listened(send);
    if (this.#pending++ === 0) this.#since = this.clock.now();
    try {
      const reply = send();
      reply.then(this.#replied, this.#replied);
      return reply;
    } catch (error) {
      this.#replied();
      throw error;
    }
  }

  async #listened<T>(send: () => Promise<T>): Promise<T> {
    await this.#listen();
    if (this.#late) throw unavailable('Redis is silent');
    return this.#bounded(send);
  }

  readonly #replied = (): void => {
    this.#pending--;
    this.#since = this.clock.now();
  };

  get #late(): boolean {
    return this.#pending > 0 && this.clock.now() - this.#since > SUSPECT_MS;
  }

  /** It may be the process itself that was late: between two timers what has come meanwhile is heard. */
  #listen(): Promise<void> {
    return (this.#listening ??= new Promise<void>((resolve) => {
      this.clock.after(1, () => this.clock.after(1, resolve));
    }).finally(() => {
      this.#listening = undefined;
    }));
  }
}

/** Commands of one connection, or of one cluster: there each node has a lane of its own. */
export class Commands {
  readonly #lanes = new Map<string, Lane>();

  constructor(
    readonly client: Client,
    readonly clock: Clock,
  ) {}

  get isCluster(): boolean {
    return this.client.isCluster;
  }

  /** Which node has this key; one name for all where there is one. */
  nodeOf(key: string): string {
    return nodeOf(this.client, key);
  }

  /** The value of a key of one node, as bytes. */
  getOne(node: string, key: string): Promise<Buffer | null> {
    return this.#laneTo(node).getOne(key);
  }

  /** The same of many keys, in one round trip. */
  get(node: string, keys: readonly string[]): Promise<readonly (Buffer | null)[]> {
    return this.#laneTo(node).get(keys);
  }

  /** Every node that has keys, in an order of their names; one where there is one. */
  get nodes(): readonly string[] {
    return this.isCluster ? mastersOf(this.client).split(',') : [''];
  }

  /**
   * Sends commands to a node itself, whatever they name, in one round trip; replies are buffers. Beside the lanes: who asks
   * bounds it.
   */
  async ask(node: string, commands: readonly Command[]): Promise<readonly Reply[]> {
    const server = serverNamed(this.client, node);
    if (!server) throw unavailable('the cluster has changed');
    const pipeline = server.pipeline();
    for (const [name, ...args] of commands) pipeline.callBuffer(name, ...args);
    const replies = await pipeline.exec();
    if (!replies) throw unavailable('Redis dropped a pipeline');
    return replies.map(([error, value]) => (error ? { error } : { value }));
  }

  /** Runs a script by its hash, and by its text where the server does not know it yet. */
  run(script: Script, keys: readonly string[], args: readonly Argument[]): Promise<unknown> {
    const command: Command = ['EVALSHA', script.sha, keys.length, ...keys, ...args];
    return this.#laneTo(this.nodeOf(keys[0])).call(command, script.lua);
  }

  /** Replies are buffers. `key` says which node is asked. */
  call(key: string, name: string, ...args: readonly Argument[]): Promise<unknown> {
    return this.#laneTo(this.nodeOf(key)).call([name, ...args]);
  }

  #laneTo(node: string): Lane {
    let lane = this.#lanes.get(node);
    if (!lane) this.#lanes.set(node, (lane = new Lane(this.client, this.clock, this.isCluster)));
    return lane;
  }
}
