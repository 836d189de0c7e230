/** Instances of one application as nodes: in the process of the test, or each in a process of its own; told the same things. */
import { fork, type ChildProcess } from 'node:child_process';
import { afterAll, afterEach, expect } from 'vitest';
import type { L2Options } from '../../libs/multi-level-cache/src/core/options.js';
import { closeCaches, testCache } from '../support/cache.js';
import { Proxy } from '../support/proxy.js';
import { databaseUrl, freshNamespace, redisUrl } from '../support/servers.js';
import { verbsOf, type Verb } from './fixtures/verbs.mjs';

interface Urls {
  readonly namespace: string;
  /** Or what else names a Redis: sentinels, nodes of a cluster. */
  readonly redis?: string | Partial<L2Options> | undefined;
  readonly database?: string | undefined;
}

export interface Node {
  ask(verb: Verb, argument?: unknown): Promise<unknown>;
  /** Ends without a word to anybody. */
  die(): Promise<void>;
}

/** Stops where it is; what is sent to it waits. */
export interface StoppableNode extends Node {
  freeze(): void;
  thaw(): void;
}

/** A process that runs one application after another; starting one takes longer than most races. */
class Worker implements StoppableNode {
  static readonly #idle: Worker[] = [];
  static readonly #busy = new Set<Worker>();
  readonly child: ChildProcess = fork(new URL('./fixtures/instance.mjs', import.meta.url), [], {
    execArgv: [],
  });
  readonly #waiting = new Map<
    number,
    { resolve(value: unknown): void; reject(error: Error): void }
  >();
  #last = 0;

  private constructor() {
    this.child.on(
      'message',
      ({ id, result, error }: { id: number; result?: unknown; error?: string }) => {
        const waiting = this.#waiting.get(id)!;
        this.#waiting.delete(id);
        if (error === undefined) waiting.resolve(result);
        else waiting.reject(new Error(error));
      },
    );
  }

  static async start(urls: Urls): Promise<Worker> {
    const worker = Worker.#idle.pop() ?? new Worker();
    Worker.#busy.add(worker);
    await worker.#send('open', urls);
    return worker;
  }

  /** The application ends, the process waits for the next one. */
  static async rest(): Promise<void> {
    await Promise.all(
      [...Worker.#busy].map(async (worker) => {
        await worker.#send('close');
        Worker.#idle.push(worker);
      }),
    );
    Worker.#busy.clear();
  }

  static async end(): Promise<void> {
    await Promise.all(
      Worker.#idle.splice(0).map(({ child }) => {
        const gone = new Promise((resolve) => child.once('exit', resolve));
        child.disconnect();
        return gone;
      }),
    );
  }

  ask(verb: Verb, argument?: unknown): Promise<unknown> {
    return this.#send(verb, argument);
  }

  async die(): Promise<void> {
    Worker.#busy.delete(this);
    const gone = new Promise((resolve) => this.child.once('exit', resolve));
    this.child.kill('SIGKILL');
    await gone;
  }

  freeze(): void {
    this.child.kill('SIGSTOP');
  }

  thaw(): void {
    this.child.kill('SIGCONT');
  }

  #send(verb: string, argument?: unknown): Promise<unknown> {
    const id = ++this.#last;
    return new Promise((resolve, reject) => {
      this.#waiting.set(id, { resolve, reject });
      this.child.send({ id, verb, argument });
    });
  }
}

async function inProcess({ namespace, redis, database }: Urls): Promise<Node> {
  const l2 = typeof redis === 'string' ? { url: redis } : redis;
  const { cache } = await testCache({ namespace, l2, database, budget: 2_000 });
  const verbs = verbsOf(cache);
  return {
    // As over messages: nothing is thrown at once.
    ask: async (verb, argument) => verbs[verb](argument),
    // Whoever is cut off for ever is as good as dead to the others.
    die: () => Promise.resolve(),
  };
}

/** How nodes are started. */
export interface Place<N extends Node = Node> {
  readonly where: string;
  readonly start: (urls: Urls) => Promise<N>;
}

export const ONE_PROCESS: Place = { where: 'one process', start: inProcess };
export const TWO_PROCESSES: Place<StoppableNode> = {
  where: 'two processes',
  start: (urls) => Worker.start(urls),
};
/** Where two nodes can live. */
export const PLACES: readonly Place[] = [ONE_PROCESS, TWO_PROCESSES];

/** A way of one node to both servers, which the test can hold. */
export interface Ways {
  readonly redis: Proxy;
  readonly database: Proxy;
}

/** One application of two nodes. */
export interface Pair<N extends Node = Node> {
  readonly namespace: string;
  readonly a: N;
  readonly b: N;
  readonly wayOfA: Ways;
  readonly wayOfB: Ways;
  /** A node that was not there before. */
  readonly newcomer: () => Promise<N>;
}

const proxies: Proxy[] = [];

async function way(): Promise<Ways> {
  const [redis, database] = [await Proxy.start(redisUrl()), await Proxy.start(databaseUrl())];
  proxies.push(redis, database);
  return { redis, database };
}

/** Two nodes, each with ways of its own, with every script known to Redis and every statement to its connection. */
export async function pair<N extends Node>(
  { start }: Place<N>,
  { redis = true, database = true }: { readonly redis?: boolean; readonly database?: boolean } = {},
): Promise<Pair<N>> {
  const namespace = freshNamespace();
  const [wayOfA, wayOfB] = [await way(), await way()];
  const by = (ways: Ways): Promise<N> =>
    start({
      namespace,
      redis: redis ? ways.redis.url : undefined,
      database: database ? ways.database.url : undefined,
    });
  const [a, b] = await Promise.all([by(wayOfA), by(wayOfB)]);
  for (const node of [a, b]) {
    await node.ask('getOrSet', { key: 'other', value: 'other', tags: ['u'] });
    await node.ask('delete', 'another');
  }
  const newcomer = (): Promise<N> =>
    start({
      namespace,
      redis: redis ? redisUrl() : undefined,
      database: database ? databaseUrl() : undefined,
    });
  return { namespace, a, b, wayOfA, wayOfB, newcomer };
}

/** Waits until `node` has processed what was announced before this was called. */
export async function heardBy(node: Node, teller: Node): Promise<void> {
  await node.ask('getOrSet', { key: 'bell', value: 'bell' });
  await teller.ask('delete', 'bell');
  await expect.poll(() => node.ask('peek', 'bell')).toBeUndefined();
}

/** No tier of these nodes has anything for `k`, as soon as they have heard of it. */
export async function expectGone(...nodes: Node[]): Promise<void> {
  const held = async (node: Node): Promise<string[]> =>
    ((await node.ask('states')) as string[]).filter(
      (state) => !['absent', 'invalid'].includes(state),
    );
  for (const node of nodes) await expect.poll(() => held(node)).toEqual([]);
}

/** To be called once by a file that uses nodes. */
export function endNodes(): void {
  afterEach(async () => {
    await Promise.all([closeCaches(), Worker.rest()]);
    await Promise.all(proxies.splice(0).map((proxy) => proxy.stop()));
  });
  afterAll(() => Worker.end());
}
