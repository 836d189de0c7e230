/** The plain races between processes: each instance is an application of its own, over real servers. */
import { fork, type ChildProcess } from 'node:child_process';
import { afterEach, expect, it } from 'vitest';
import { databaseUrl, freshNamespace, redisUrl } from '../support/servers.js';

type Verb =
  'begin' | 'finish' | 'getOrSet' | 'get' | 'peek' | 'set' | 'delete' | 'tag' | 'clear' | 'states';

class Instance {
  readonly #waiting = new Map<
    number,
    { resolve(value: unknown): void; reject(error: Error): void }
  >();
  #last = 0;

  private constructor(readonly child: ChildProcess) {
    child.on(
      'message',
      ({ id, result, error }: { id: number; result?: unknown; error?: string }) => {
        const waiting = this.#waiting.get(id)!;
        if (error === undefined) waiting.resolve(result);
        else waiting.reject(new Error(error));
      },
    );
  }

  static async start(namespace: string): Promise<Instance> {
    const options = JSON.stringify({ namespace, redis: redisUrl(), database: databaseUrl() });
    const child = fork(new URL('./fixtures/instance.mjs', import.meta.url), [options], {
      execArgv: [],
    });
    running.push(child);
    const instance = new Instance(child);
    await new Promise((resolve, reject) => instance.#waiting.set(0, { resolve, reject }));
    return instance;
  }

  ask(verb: Verb, argument?: unknown): Promise<unknown> {
    const id = ++this.#last;
    return new Promise((resolve, reject) => {
      this.#waiting.set(id, { resolve, reject });
      this.child.send({ id, verb, argument });
    });
  }
}

const running: ChildProcess[] = [];
afterEach(async () => {
  await Promise.all(
    running
      .splice(0)
      .map((child) => new Promise((resolve) => (child.once('exit', resolve), child.disconnect()))),
  );
});

async function expectGone(...instances: Instance[]): Promise<void> {
  for (const instance of instances) {
    await expect
      .poll(async () =>
        ((await instance.ask('states')) as string[]).filter(
          (state) => !['absent', 'invalid'].includes(state),
        ),
      )
      .toEqual([]);
  }
}

it.each(['delete', 'tag', 'clear'] as const)(
  'R2, R5: load starts in A, %s in B, load commits in A: to its caller, and in no tier of A, B or a newcomer',
  async (removal) => {
    const namespace = freshNamespace();
    const [a, b] = await Promise.all([Instance.start(namespace), Instance.start(namespace)]);
    await a.ask('begin', ['t']);
    await b.ask(removal);
    expect(await a.ask('finish', 'old')).toBe('old');
    await expectGone(a, b, await Instance.start(namespace));
  },
);

it('R3: A has the value in L1, delete in B: gone from A as soon as A has heard, and from B at once', async () => {
  const namespace = freshNamespace();
  const [a, b] = await Promise.all([Instance.start(namespace), Instance.start(namespace)]);
  expect(await a.ask('getOrSet', 'old')).toBe('old');
  expect(await b.ask('getOrSet', 'never loaded')).toBe('old');
  await b.ask('delete');
  expect(await b.ask('get')).toBeUndefined();
  await expectGone(b, a);
});

it('R6: A loads, delete in B, B loads anew and stores, A commits: the new value stays', async () => {
  const namespace = freshNamespace();
  const [a, b] = await Promise.all([Instance.start(namespace), Instance.start(namespace)]);
  await a.ask('begin', []);
  await b.ask('delete');
  expect(await b.ask('getOrSet', 'new')).toBe('new');
  expect(await a.ask('finish', 'old')).toBe('old');
  const newcomer = await Instance.start(namespace);
  for (const instance of [a, b, newcomer]) await expect.poll(() => instance.ask('get')).toBe('new');
});

it('R17: load starts in A, set in B, load commits in A: the set value is served everywhere', async () => {
  const namespace = freshNamespace();
  const [a, b] = await Promise.all([Instance.start(namespace), Instance.start(namespace)]);
  await a.ask('begin', []);
  await b.ask('set', 'set');
  expect(await a.ask('finish', 'old')).toBe('old');
  const newcomer = await Instance.start(namespace);
  for (const instance of [a, b, newcomer]) await expect.poll(() => instance.ask('get')).toBe('set');
});

it('one load for two processes: the second waits for the first one and gets its value', async () => {
  const namespace = freshNamespace();
  const [a, b] = await Promise.all([Instance.start(namespace), Instance.start(namespace)]);
  await a.ask('begin', []);
  const waiting = b.ask('getOrSet', 'loaded twice');
  await a.ask('finish', 'once');
  expect(await waiting).toBe('once');
});
