/** CircuitBreaker: when it opens, what closes it, and what it does not count. */
import { describe, expect, it } from 'vitest';
import { CircuitBreaker } from '../../src/manager/circuit-breaker.js';
import { FakeClock } from '../../src/testing/fake-clock.js';

const BAD = { reason: 'bad' };

function bench() {
  const clock = new FakeClock();
  const changes: boolean[] = [];
  const probes: { answer(): void; fail(): void }[] = [];
  const probe = (): Promise<void> =>
    new Promise((resolve, reject) => {
      probes.push({ answer: resolve, fail: () => reject(new Error('no reply')) });
    });
  // The wait is exactly as long as it says.
  const random = (): number => 0.5;
  const onChange = (open: boolean): void => void changes.push(open);
  const breaker = new CircuitBreaker({ clock, random, probe, onChange });
  const calls = (...results: readonly boolean[]): void => callAll(breaker, results);
  const open = (): void => calls(false, false, false, false, false);
  return { clock, breaker, calls, changes, open, probes };
}

/** Each begins, where it may, and ends. */
function callAll(breaker: CircuitBreaker, results: readonly boolean[]): void {
  for (const well of results) {
    const call = breaker.begin();
    if (call !== undefined) breaker.ended(call, well ? undefined : BAD);
  }
}

const settled = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

describe('a circuit breaker', () => {
  it('opens after five bad calls in a row, and not after four', () => {
    const { breaker, calls, changes } = bench();
    calls(false, false, false, false, true, false, false, false, false);
    expect(breaker.open).toBe(false);
    calls(false);
    expect(breaker.open).toBe(true);
    expect(changes).toEqual([true]);
  });

  it('opens when half of the calls are bad, once there have been ten', () => {
    const { breaker, calls } = bench();
    calls(false, true, false, true, false, true, false, true, true);
    expect(breaker.open).toBe(false);
    calls(true, false, true);
    expect(breaker.open).toBe(false);
    calls(false, false);
    expect(breaker.open).toBe(true);
  });

  it('looks at the last fifty only', () => {
    const { breaker, calls } = bench();
    for (let times = 0; times < 200; times++) calls(true);
    for (let times = 0; times < 24; times++) calls(false, true);
    expect(breaker.open).toBe(false);
    calls(false, true, false);
    expect(breaker.open).toBe(true);
  });

  it('asks by itself, each time later up to a second, and closes with the first answer', async () => {
    const { clock, breaker, changes, open, probes } = bench();
    open();
    for (const ms of [250, 500, 1_000, 1_000]) {
      clock.advance(ms - 1);
      const before = probes.length;
      clock.advance(1);
      expect(probes.length).toBe(before + 1);
      if (probes.length < 4) probes.at(-1)!.fail();
      await settled();
    }
    expect(breaker.open).toBe(true);
    probes.at(-1)!.answer();
    await settled();
    expect(breaker.open).toBe(false);
    expect(changes).toEqual([true, false]);
    clock.advance(10_000);
    expect(probes).toHaveLength(4);
  });

  it('begins anew when it has closed: no call and no wait of before counts', async () => {
    const { clock, breaker, calls, open, probes } = bench();
    open();
    clock.advance(250);
    probes[0].answer();
    await settled();
    calls(false, false, false, false);
    expect(breaker.open).toBe(false);
    calls(false);
    expect(breaker.open).toBe(true);
    clock.advance(250);
    expect(probes).toHaveLength(2);
  });

  it('counts no call that began before it opened', async () => {
    const { clock, breaker, calls, open, probes } = bench();
    const early = [breaker.begin()!, breaker.begin()!];
    open();
    expect(breaker.begin()).toBeUndefined();
    breaker.ended(early[0], BAD);
    breaker.ended(early[1]);
    expect(breaker.open).toBe(true);
    clock.advance(250);
    probes[0].answer();
    await settled();
    calls(false, false, false, false);
    expect(breaker.open).toBe(false);
  });

  it('says what opened it, for as long as it is open', async () => {
    const { clock, breaker, open, probes } = bench();
    open();
    expect(breaker.cause).toBe(BAD);
    clock.advance(250);
    probes[0].answer();
    await settled();
    expect(breaker.cause).toBeUndefined();
  });

  it('stopped it asks no more, counts no more, and tells nothing', async () => {
    for (const end of ['answer', 'fail'] as const) {
      const { clock, breaker, changes, open, probes } = bench();
      open();
      clock.advance(250);
      breaker.stop();
      probes[0][end]();
      await settled();
      clock.advance(10_000);
      open();
      expect(probes).toHaveLength(1);
      expect(changes).toEqual([true]);
    }
  });
});

describe('a circuit breaker without a probe', () => {
  function onTrial() {
    const clock = new FakeClock();
    const changes: boolean[] = [];
    const onChange = (open: boolean): void => void changes.push(open);
    const breaker = new CircuitBreaker({ clock, random: () => 0.5, onChange });
    callAll(breaker, [false, false, false, false, false]);
    return { clock, breaker, changes };
  }

  it('lets one call through after a while, and closes if that goes well', () => {
    const { clock, breaker, changes } = onTrial();
    clock.advance(249);
    expect(breaker.admits).toBe(false);
    clock.advance(1);
    expect(breaker.admits).toBe(true);
    const call = breaker.begin()!;
    expect(breaker.begin()).toBeUndefined();
    breaker.ended(call);
    expect(breaker.open).toBe(false);
    expect(changes).toEqual([true, false]);
  });

  it('waits longer after each call that does not, and tells nobody', () => {
    const { clock, breaker, changes } = onTrial();
    for (const ms of [250, 500, 1_000, 1_000]) {
      clock.advance(ms - 1);
      expect(breaker.admits).toBe(false);
      clock.advance(1);
      const latest = { reason: `after ${ms}` };
      breaker.ended(breaker.begin()!, latest);
      expect(breaker.cause).toBe(latest);
    }
    expect(changes).toEqual([true]);
  });
});

describe('what is tried now', () => {
  it('is the probe, which closes it at once', async () => {
    const { breaker, changes, clock, open, probes } = bench();
    open();
    const tried = breaker.tryNow();
    expect(probes).toHaveLength(1);
    probes[0].answer();
    await tried;
    expect(breaker.open).toBe(false);
    expect(changes).toEqual([true, false]);
    // Nothing is left of the try that was planned.
    clock.advance(10_000);
    expect(probes).toHaveLength(1);
  });

  it('is nothing where it is closed or stopped', async () => {
    const { breaker, open, probes } = bench();
    await breaker.tryNow();
    open();
    breaker.stop();
    await breaker.tryNow();
    expect(probes).toHaveLength(0);
  });

  it('takes the place of the next try, and does not come beside one that is under way', async () => {
    const { breaker, clock, open, probes } = bench();
    open();
    clock.advance(250);
    const tries = [breaker.tryNow(), breaker.tryNow()];
    expect(probes).toHaveLength(1);
    probes[0].fail();
    await Promise.all(tries);
    expect(breaker.open).toBe(true);
    const again = breaker.tryNow();
    expect(probes).toHaveLength(2);
    // When the timer it has taken the place of would have run.
    clock.advance(1_000);
    expect(probes).toHaveLength(2);
    probes[1].fail();
    await again;
  });

  it('that fails leaves one try for later, and one only', async () => {
    const { breaker, clock, open, probes } = bench();
    open();
    for (let times = 0; times < 3; times++) {
      const tried = breaker.tryNow();
      probes.at(-1)!.fail();
      await tried;
    }
    expect(probes).toHaveLength(3);
    clock.advance(1_000);
    await settled();
    expect(probes).toHaveLength(4);
    probes[3].answer();
    await settled();
    expect(breaker.open).toBe(false);
    clock.advance(10_000);
    await settled();
    expect(probes).toHaveLength(4);
  });

  it('and ends after it was stopped says nothing, and plans nothing', async () => {
    const { breaker, changes, clock, open, probes } = bench();
    open();
    const tried = breaker.tryNow();
    breaker.stop();
    probes[0].fail();
    await tried;
    clock.advance(10_000);
    await settled();
    expect(probes).toHaveLength(1);
    expect(changes).toEqual([true]);
  });

  it('is the next call, where there is no probe', async () => {
    const clock = new FakeClock();
    const breaker = new CircuitBreaker({ clock, random: () => 0.5 });
    callAll(breaker, [false, false, false, false, false]);
    expect(breaker.admits).toBe(false);
    await breaker.tryNow();
    const call = breaker.begin();
    expect(call).toBeDefined();
    expect(breaker.admits).toBe(false);
    breaker.ended(call!, BAD);
    clock.advance(400);
    expect(breaker.admits).toBe(false);
    clock.advance(600);
    expect(breaker.admits).toBe(true);
  });
});
