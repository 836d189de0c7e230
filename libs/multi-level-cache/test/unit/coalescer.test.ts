/** Single questions become bulk ones: what goes out together, what is asked once, and whom a failure reaches. */
import { describe, expect, it } from 'vitest';
import { Address, Scope } from '../../src/core/key.js';
import type { TierRead } from '../../src/core/tier.js';
import { Coalescer, NamedCoalescer } from '../../src/tiers/coalescer.js';
import { ReadCoalescer } from '../../src/tiers/read-coalescer.js';

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

it('makes the second half when the first has been sent', async () => {
  const { coalescer, sent } = bench();
  for (let n = 0; n < 40; n++) void coalescer.ask(`k${n}`);
  // Asked for behind the coalescer's own, it comes between its two.
  const between: number[] = [];
  process.nextTick(() => between.push(sent.length));
  await tick();
  expect([...between, sent.length]).toEqual([1, 2]);
});

it('waits for an answer that needs a question of its own', async () => {
  const { coalescer, sent } = bench();
  const answers = Promise.all(['a', 'b'].map((key) => coalescer.ask(key)));
  await tick();
  sent[0].answer(['A', Promise.resolve('later')]);
  expect(await answers).toEqual(['A', 'later']);
});

describe('reads of keys', () => {
  const FRESH: TierRead = { state: 'fresh' };
  const addressOf = (key: string): Address => new Address(new Scope('shop', 'p', 'default'), key);

  /** Reads that are answered by hand. */
  function reads(halves = false) {
    const sent: (() => void)[] = [];
    const asked: string[][] = [];
    const send = (addresses: readonly Address[]): Promise<readonly TierRead[]> => {
      asked.push(addresses.map(({ key }) => key));
      return new Promise((resolve) => sent.push(() => resolve(addresses.map(() => FRESH))));
    };
    return { asked, sent, coalescer: new ReadCoalescer(send, 16, 1_000, halves) };
  }

  it('of one key that wait are one question; what was sent is asked again', async () => {
    const { asked, coalescer, sent } = reads();
    const [a, b] = [addressOf('a'), addressOf('b')];
    const first = Promise.all([a, b, a].map((address) => coalescer.ask(address)));
    await tick();
    const second = coalescer.ask(a);
    await tick();
    expect(asked).toEqual([['a', 'b'], ['a']]);
    for (const answer of sent) answer();
    expect(await first).toEqual([FRESH, FRESH, FRESH]);
    expect(await second).toBe(FRESH);
    expect([a.question, b.question]).toEqual([undefined, undefined]);
  });

  it.each([
    [true, 40, [20, 20]],
    [true, 31, [31]],
    [false, 40, [40]],
  ])('of one call are heard as they come, halves: %s, of %i', async (halves, count, sizes) => {
    const { asked, coalescer, sent } = reads(halves);
    const addresses = Array.from({ length: count }, (_zero, n) => addressOf(`k${n}`));
    const heard: [number, number][] = [];
    const whole = coalescer.askMany(addresses, (some, from) => heard.push([from, some.length]));
    expect(asked.flat()).toEqual(addresses.map(({ key }) => key));
    expect(asked.map(({ length }) => length)).toEqual(sizes);
    const places = sizes.map((size, at) => [sizes.slice(0, at).reduce((a, c) => a + c, 0), size]);
    for (const [at, answer] of sent.toReversed().entries()) {
      answer();
      await tick();
      expect(heard).toEqual(places.toReversed().slice(0, at + 1));
    }
    await whole;
  });

  it('of two tiers are two questions', async () => {
    const [one, other] = [reads(), reads()];
    const address = addressOf('a');
    const both = [one.coalescer.ask(address), other.coalescer.ask(address)];
    await tick();
    expect([one.asked, other.asked]).toEqual([[['a']], [['a']]]);
    for (const answer of [...one.sent, ...other.sent]) answer();
    expect(await Promise.all(both)).toEqual([FRESH, FRESH]);
  });

  it('are told to all who ask, also where one of them cannot bear it', async () => {
    const { coalescer, sent } = reads();
    const told: string[] = [];
    coalescer.tell(addressOf('a'), {
      answered: () => {
        throw new Error('broken');
      },
      failed: () => told.push('a failed'),
    });
    coalescer.tell(addressOf('b'), {
      answered: () => told.push('b answered'),
      failed: () => told.push('b failed'),
    });
    await tick();
    sent[0]();
    await tick();
    expect(told).toEqual(['a failed', 'b answered']);
  });
});
