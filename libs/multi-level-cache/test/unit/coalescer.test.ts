/** Single questions become bulk ones: what goes out together, what is asked once, and whom a failure reaches. */
import { expect, it } from 'vitest';
import { Coalescer, NamedCoalescer } from '../../src/tiers/coalescer.js';

interface Sent {
  readonly keys: readonly string[];
  answer(values?: readonly (string | Promise<string>)[]): void;
  fail(error: Error): void;
}

/** A coalescer whose bulk calls are answered by hand. */
function bench(maxBatch?: number, nameOf?: (key: string) => string) {
  const sent: Sent[] = [];
  const send = (keys: readonly string[]) =>
    new Promise<readonly (string | Promise<string>)[]>((resolve, reject) => {
      const upper = keys.map((key) => key.toUpperCase());
      sent.push({ keys, answer: (values = upper) => resolve(values), fail: reject });
    });
  const coalescer = nameOf
    ? new NamedCoalescer<string, string>(send, nameOf)
    : new Coalescer<string, string>(send, maxBatch);
  return { sent, coalescer };
}
const tick = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

it('sends what is asked in one tick together, and answers each', async () => {
  const { coalescer, sent } = bench();
  const answers = Promise.all(['a', 'b', 'c'].map((key) => coalescer.ask(key)));
  await tick();
  expect(sent.map(({ keys }) => keys)).toEqual([['a', 'b', 'c']]);
  sent[0].answer();
  expect(await answers).toEqual(['A', 'B', 'C']);
});

it('sends one alone at once, and gathers while two bulk calls are under way', async () => {
  const { coalescer, sent } = bench();
  for (const key of ['a', 'b', 'c', 'd']) {
    void coalescer.ask(key);
    await tick();
  }
  expect(sent.map(({ keys }) => keys)).toEqual([['a'], ['b']]);
  sent[1].answer();
  await tick();
  expect(sent.map(({ keys }) => keys)).toEqual([['a'], ['b'], ['c', 'd']]);
});

it('asks once what many ask at a time', async () => {
  const { coalescer, sent } = bench(undefined, (key) => key.toLowerCase());
  const answers = Promise.all(['a', 'A', 'b', 'a'].map((key) => coalescer.ask(key)));
  await tick();
  expect(sent.map(({ keys }) => keys)).toEqual([['a', 'b']]);
  sent[0].answer();
  expect(await answers).toEqual(['A', 'A', 'B', 'A']);
});

it('does not share what has been sent: the answer may be older than the question', async () => {
  const { coalescer, sent } = bench();
  const first = coalescer.ask('a');
  await tick();
  const second = coalescer.ask('a');
  await tick();
  expect(sent).toHaveLength(2);
  sent[0].answer(['old']);
  sent[1].answer(['new']);
  expect(await Promise.all([first, second])).toEqual(['old', 'new']);
});

it('splits what is too much for one call', async () => {
  const { coalescer, sent } = bench(2);
  const answers = Promise.all(['a', 'b', 'c', 'd', 'e'].map((key) => coalescer.ask(key)));
  await tick();
  expect(sent.map(({ keys }) => keys)).toEqual([
    ['a', 'b'],
    ['c', 'd'],
  ]);
  expect(coalescer.waiting).toBe(1);
  sent[0].answer();
  await tick();
  expect(sent[2].keys).toEqual(['e']);
  sent[1].answer();
  sent[2].answer();
  expect(await answers).toEqual(['A', 'B', 'C', 'D', 'E']);
});

it('tells a failed call to those who asked in it, and goes on', async () => {
  const { coalescer, sent } = bench();
  const first = Promise.allSettled(['a', 'b'].map((key) => coalescer.ask(key)));
  await tick();
  sent[0].fail(new Error('away'));
  expect((await first).map(({ status }) => status)).toEqual(['rejected', 'rejected']);
  const second = coalescer.ask('c');
  await tick();
  sent[1].answer();
  expect(await second).toBe('C');
});

it('sends many in halves, so that one is answered while the other is under way; those of one call as a whole', async () => {
  const { coalescer, sent } = bench();
  const keys = Array.from({ length: 40 }, (_zero, n) => `k${n}`);
  for (const key of keys) void coalescer.ask(key);
  await tick();
  expect(sent.map(({ keys: { length } }) => length)).toEqual([20, 20]);
  for (const one of sent) one.answer();
  await tick();
  for (const key of keys) void coalescer.ask(key, true);
  await tick();
  expect(sent.map(({ keys: { length } }) => length)).toEqual([20, 20, 40]);
});

it('waits for an answer that needs a question of its own', async () => {
  const { coalescer, sent } = bench();
  const answers = Promise.all(['a', 'b'].map((key) => coalescer.ask(key)));
  await tick();
  sent[0].answer(['A', Promise.resolve('later')]);
  expect(await answers).toEqual(['A', 'later']);
});
