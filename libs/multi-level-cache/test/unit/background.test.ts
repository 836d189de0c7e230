/** Work nobody waits for, until the cache closes. */
import { beforeEach, describe, expect, it } from 'vitest';
import { Background } from '../../src/manager/background.js';
import { FakeClock } from '../../src/testing/fake-clock.js';

let clock: FakeClock;
let background: Background;
beforeEach(() => {
  clock = new FakeClock();
  background = new Background(clock);
});

/** Begins work; the returned function ends it. */
function begin(): { end(): void; fail(): void } {
  let [end, fail] = [(): void => undefined, (): void => undefined];
  const work = new Promise<void>((resolve, reject) => {
    [end, fail] = [resolve, () => reject(new Error('away'))];
  });
  background.run(() => work);
  return { end, fail };
}

/** Whether it has resolved, once everything that could run has run. */
async function isOver(waiting: Promise<void>): Promise<boolean> {
  let over = false;
  void waiting.then(() => (over = true));
  await new Promise((resolve) => setImmediate(resolve));
  return over;
}

describe.each(['drain', 'settle'] as const)('%s', (verb) => {
  it('waits for all that is under way, however it ends', async () => {
    const [one, other] = [begin(), begin()];
    const waiting = background[verb](1_000);
    one.end();
    expect([await isOver(waiting), background.size]).toEqual([false, 1]);
    other.fail();
    expect([await isOver(waiting), background.size]).toEqual([true, 0]);
  });

  it('resolves at once where there is nothing', async () => {
    expect(await isOver(background[verb](1_000))).toBe(true);
  });

  it('waits no longer than it was told', async () => {
    begin();
    const waiting = background[verb](1_000);
    clock.advance(999);
    expect(await isOver(waiting)).toBe(false);
    clock.advance(1);
    expect(await isOver(waiting)).toBe(true);
  });
});

it('drain waits as well for what was begun meanwhile, by what was under way or by whoever waited for it', async () => {
  let later = { end: (): void => undefined };
  let end = (): void => undefined;
  const work = new Promise<void>((resolve) => (end = resolve));
  background.run(() => work);
  void work.then(() => undefined).then(() => (later = begin()));
  const waiting = background.drain(1_000);
  end();
  expect(await isOver(waiting)).toBe(false);
  later.end();
  expect(await isOver(waiting)).toBe(true);
});

it('settle does not wait for what was begun later, and each time for what was begun before', async () => {
  const first = begin();
  const earlier = background.settle(1_000);
  const second = begin();
  const later = background.settle(1_000);
  begin();
  first.end();
  expect([await isOver(earlier), await isOver(later)]).toEqual([true, false]);
  second.end();
  expect([await isOver(later), background.size]).toEqual([true, 1]);
});
