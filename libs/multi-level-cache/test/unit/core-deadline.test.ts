/** Deadline: the bound on a wait, with one timer for all that wait. */
import { describe, expect, it } from 'vitest';
import type { Timer } from '../../src/core/clock.js';
import { Deadline, Waiter } from '../../src/core/deadline.js';
import { FakeClock } from '../../src/testing/fake-clock.js';

const LATE = expect.objectContaining({ code: 'CACHE_TIER_TIMEOUT' });
const never = (): Promise<never> => new Promise(() => undefined);

function bench(ms = 20) {
  const clock = new FakeClock();
  return { clock, deadline: new Deadline(clock, ms, 'l2') };
}

/** Told by hand, as by a tier that makes no promise. */
class Told extends Waiter<string> {
  readonly heard: string[] = [];

  hear(value: string): void {
    this.heard.push(value);
  }

  miss({ message }: Error): void {
    this.heard.push(message);
  }
}

describe('who is told by whoever has the answer', () => {
  it('hears it once, and no second one', () => {
    const { deadline } = bench();
    const waiter = new Told();
    deadline.wait(waiter);
    expect(deadline.pending).toBe(1);
    waiter.answered('first');
    waiter.answered('second');
    waiter.failed(new Error('third'));
    expect(waiter.heard).toEqual(['first']);
    expect(deadline.pending).toBe(0);
  });

  it('hears that it is late, and the answer not any more; until that comes it is pending', () => {
    const { clock, deadline } = bench();
    const waiter = new Told();
    deadline.wait(waiter);
    clock.advance(20);
    expect(waiter.heard).toEqual([expect.stringContaining('did not answer')]);
    expect(deadline.pending).toBe(1);
    waiter.answered('late');
    expect(waiter.heard).toHaveLength(1);
    expect(deadline.pending).toBe(0);
  });
});

describe('a deadline', () => {
  it('settles as the work does', async () => {
    const { deadline } = bench();
    const failure = new Error('broken');
    await expect(deadline.race(Promise.resolve(7))).resolves.toBe(7);
    await expect(deadline.race(Promise.reject(failure))).rejects.toBe(failure);
  });

  it('rejects when the time is up, for each by its own start', async () => {
    const { clock, deadline } = bench();
    const ended: string[] = [];
    const wait = (name: string): Promise<void> =>
      deadline.race(never()).catch(() => {
        ended.push(name);
      });
    const first = wait('first');
    clock.advance(10);
    const second = wait('second');
    clock.advance(10);
    await first;
    expect(ended).toEqual(['first']);
    clock.advance(10);
    await second;
    expect(ended).toEqual(['first', 'second']);
  });

  it('names what was late, and may be tried again', async () => {
    const { clock, deadline } = bench();
    const waiting = deadline.race(never());
    clock.advance(20);
    await expect(waiting).rejects.toMatchObject({ retryable: true, message: /l2/ });
  });

  it('drops a late result without an unhandled rejection', async () => {
    const { clock, deadline } = bench();
    let fail: (error: Error) => void = () => undefined;
    const waiting = deadline.race(new Promise((_resolve, reject) => (fail = reject)));
    clock.advance(20);
    await expect(waiting).rejects.toEqual(LATE);
    fail(new Error('late'));
    await Promise.resolve();
    await expect(deadline.race(Promise.resolve(1))).resolves.toBe(1);
  });

  it('still bounds the next wait after all others ended in time', async () => {
    const { clock, deadline } = bench();
    await deadline.race(Promise.resolve(1));
    clock.advance(15);
    const waiting = deadline.race(never());
    clock.advance(5);
    clock.advance(15);
    await expect(waiting).rejects.toEqual(LATE);
  });

  it('a process that stood still hears first what has come meanwhile', async () => {
    const clock = new StalledClock();
    const deadline = new Deadline(clock, 20, 'l2');
    let answer: (value: string) => void = () => undefined;
    const heard = deadline.race(new Promise<string>((resolve) => (answer = resolve)));
    clock.stall(2_000);
    answer('in time');
    await expect(heard).resolves.toBe('in time');
  });

  it('a process that stood still holds that time against no store: one more budget, and no more', async () => {
    const clock = new StalledClock();
    const deadline = new Deadline(clock, 20, 'l2');
    const [sent, lost] = [new Told(), new Told()];
    deadline.wait(sent);
    deadline.wait(lost);
    clock.stall(2_000);
    clock.advance(19);
    sent.answered('asked only after it');
    expect(sent.heard).toEqual(['asked only after it']);
    expect(lost.heard).toEqual([]);
    clock.advance(2);
    expect(lost.heard).toEqual([expect.stringContaining('did not answer')]);
  });

  it('a process that is late by itself waits longer for a store, by twice as much, and not for ever', async () => {
    const clock = new BusyClock(15);
    const deadline = new Deadline(clock, 20, 'l2');
    let answer: (value: string) => void = () => undefined;
    const first = deadline.race(never());
    clock.advance(10);
    const heard = deadline.race(new Promise<string>((resolve) => (answer = resolve)));
    const last = deadline.race(never());
    clock.advance(41);
    await expect(first).rejects.toEqual(LATE);
    clock.advance(20);
    answer('after three budgets');
    await expect(heard).resolves.toBe('after three budgets');
    clock.advance(20);
    await expect(last).rejects.toEqual(LATE);
  });

  it('a process that is late at times and then no more gives a store its budget, and no more', async () => {
    const clock = new BusyClock(15);
    const deadline = new Deadline(clock, 20, 'l2');
    void deadline.race(never()).catch(() => undefined);
    clock.advance(60);
    clock.late = 0;
    // Each timer in time halves what is added.
    for (let times = 0; times < 4; times++) {
      void deadline.race(never()).catch(() => undefined);
      clock.advance(60);
    }
    const ended: string[] = [];
    const waiting = deadline.race(never()).catch(() => ended.push('late'));
    clock.advance(19);
    await Promise.resolve();
    expect(ended).toEqual([]);
    clock.advance(1);
    await waiting;
    expect(ended).toEqual(['late']);
  });
});

/** All timers run so much too late. */
class BusyClock extends FakeClock {
  constructor(public late: number) {
    super();
  }

  override after(ms: number, task: () => void): Timer {
    return super.after(ms + this.late, task);
  }
}

/** Timers that fell due while the process stood still run all at once, when it is late. */
class StalledClock extends FakeClock {
  #ahead = 0;

  override now(): number {
    return super.now() + this.#ahead;
  }

  stall(ms: number): void {
    this.#ahead = ms - 20;
    this.advance(20);
  }
}
