/** The log itself: nobody waits for it, nothing is lost in silence, and what comes out verifies. */
import { afterEach, describe, expect, it } from 'vitest';
import type { AuditEvent } from '../../src/core/audit.js';
import type { AuditOptions } from '../../src/core/audit-options.js';
import { isCacheError } from '../../src/core/errors.js';
import { AuditLog } from '../../src/security/audit/audit-log.js';
import { sampled } from '../../src/security/audit/sampling.js';
import { AuditSeal } from '../../src/security/audit/seal.js';
import { FakeClock } from '../../src/testing/fake-clock.js';
import { eventOf, KEY, MemorySink, NOW, ORIGIN, verified } from './support.js';

const DAY = 86_400_000;

interface Setting extends Partial<Omit<AuditOptions, 'sink'>> {
  readonly ringSize?: number;
  readonly random?: () => number;
}

let clock = new FakeClock();
let sink = new MemorySink();
let second = new MemorySink();
let log: AuditLog;
const start = clock.now();

function make({ ringSize = 100, random = () => 0.5, ...options }: Setting = {}): AuditLog {
  clock = new FakeClock();
  sink = new MemorySink();
  second = new MemorySink();
  log = new AuditLog(
    { key: () => KEY, strict: false, mutations: 1, reads: 0, retention: 90 * DAY, ...options },
    {
      sink,
      second,
      origin: ORIGIN,
      clock,
      wall: () => NOW + clock.now() - start,
      random,
      ringSize,
    },
  );
  return log;
}

/** Lets promises settle; timers run with `advance` only. */
const settle = async (): Promise<void> => {
  for (let turn = 0; turn < 50; turn++) await new Promise(setImmediate);
};

const after = async (ms: number): Promise<void> => {
  clock.advance(ms);
  await settle();
};

const close = async (): Promise<void> => {
  const closing = log.close();
  await settle();
  clock.advance(5_000);
  await closing;
};

afterEach(async () => {
  sink.release();
  await close();
});

describe('a log', () => {
  it('writes what it is told, with both ends of its chain, and it verifies', async () => {
    make();
    await log.open();
    for (let at = 0; at < 5; at++) log.record(eventOf(at));
    await log.flush();
    await close();
    expect(sink.records.map(({ eventType }) => eventType)).toEqual([
      'chain-open',
      'retention',
      ...Array.from({ length: 5 }, () => 'mutation'),
      'chain-close',
    ]);
    const { chains, forged } = await verified(sink);
    expect(forged).toBe(0);
    expect(chains).toMatchObject([{ state: 'closed', records: 8, faults: [] }]);
    expect(log.stats()).toMatchObject({ recorded: 5, written: 8, dropped: 0, failed: 0 });
    expect(sink.closed && second.closed).toBe(true);
  });

  it('tells nothing of keys, tags and subjects but what stands for them, each for its tenant', async () => {
    make();
    await log.open();
    const event = {
      type: 'mutation',
      tenantId: 'acme',
      subjectId: 'alice@example.org',
      keys: [{ name: 'secret-key' }],
      tags: ['secret-tag'],
    } as const;
    log.record(event);
    log.record({ ...event, tenantId: 'other' });
    await log.flush();
    const text = JSON.stringify(sink.records);
    for (const secret of ['secret', 'alice', KEY.toString(), KEY.toString('base64')])
      expect(text).not.toContain(secret);
    const [one, other] = sink.ofType('mutation');
    expect(one.keyHmac).toBe(new AuditSeal(KEY).name('key', 'secret-key'));
    expect(one.keyHmac).toMatch(/^[0-9a-f]{16}$/);
    expect(one.subjectHash).not.toBe(other.subjectHash);
    expect(one.tags).not.toBe(other.tags);
  });

  it('puts text from outside into one line', async () => {
    make();
    await log.open();
    log.record({ type: 'denied', requestId: 'a\nb\u0000c\ud800', reason: 'x'.repeat(1_000) });
    await log.flush();
    const [{ reason, requestId }] = sink.ofType('denied');
    expect(requestId).toBe('a\ufffdb\ufffdc\ufffd');
    expect(reason).toHaveLength(128);
    expect((await verified(sink)).chains[0].state).toBe('running');
  });

  it('does nothing in the call that records', async () => {
    make();
    await log.open();
    await log.flush();
    const { calls } = sink;
    let spelled = false;
    log.record({
      type: 'mutation',
      keys: [
        {
          get name(): string {
            spelled = true;
            throw new Error('there is none');
          },
        },
      ],
    });
    expect([spelled, sink.calls]).toEqual([false, calls]);
    await log.flush();
    // Who cannot say what it was about is counted, and stops nobody.
    log.record(eventOf(1));
    await log.flush();
    expect(log.stats().dropped).toBe(1);
    expect(sink.ofType('mutation')).toHaveLength(1);
  });

  it('sends what has gathered meanwhile together', async () => {
    make();
    await log.open();
    sink.hold();
    const { calls } = sink;
    for (let at = 0; at < 50; at++) {
      log.record(eventOf(at));
      await settle();
    }
    sink.release();
    await log.flush();
    expect(sink.ofType('mutation')).toHaveLength(50);
    expect(sink.calls - calls).toBe(2);
  });
});

describe('a sink that does not take it', () => {
  it('is asked again, and gets the same records once, in order', async () => {
    make();
    await log.open();
    sink.failing = true;
    for (let at = 0; at < 5; at++) log.record(eventOf(at));
    await settle();
    for (let tries = 0; tries < 10; tries++) await after(5_000);
    expect(log.stats().healthy).toBe(false);
    sink.failing = false;
    await after(5_000);
    await log.flush();
    expect(log.stats()).toMatchObject({ written: 7, dropped: 0, healthy: true });
    expect(log.stats().failed).toBeGreaterThan(5);
    expect((await verified(sink)).chains[0]).toMatchObject({ faults: [], records: 7 });
  });

  it('fills the ring and no more; what is lost is counted, and a record of its own says so', async () => {
    make({ ringSize: 10 });
    await log.open();
    sink.hold();
    log.record(eventOf(0));
    await settle();
    for (let at = 1; at <= 15; at++) log.record(eventOf(at));
    expect(log.stats()).toMatchObject({ recorded: 16, dropped: 5, healthy: false });
    sink.release();
    await log.flush();
    expect(sink.ofType('mutation')).toHaveLength(11);
    expect(sink.ofType('overflow')).toMatchObject([{ count: 5, outcome: 'error' }]);
    expect((await verified(sink)).chains[0]).toMatchObject({ lost: 5, faults: [] });
    expect(log.stats().healthy).toBe(true);
  });

  it('is given up when it never answers, and tried again', async () => {
    make();
    await log.open();
    sink.hold();
    log.record(eventOf(0));
    await settle();
    const { calls } = sink;
    await after(10_000);
    expect(log.stats()).toMatchObject({ failed: 1, healthy: false });
    await after(50);
    expect(sink.calls).toBe(calls + 1);
  });

  it('holds up the end of the process for three seconds at most, and what is lost is counted', async () => {
    make();
    await log.open();
    sink.hold();
    for (let at = 0; at < 7; at++) log.record(eventOf(at));
    await settle();
    let closed = false;
    const closing = log.close().then(() => (closed = true));
    await after(2_999);
    expect(closed).toBe(false);
    await after(1);
    await after(1_000);
    await closing;
    expect(log.stats().dropped).toBe(7);
  });

  it('is not waited for at the end where it fails', async () => {
    make();
    await log.open();
    sink.failing = true;
    log.record(eventOf(0));
    await settle();
    const closing = log.close();
    await settle();
    await closing;
    expect(log.stats()).toMatchObject({ dropped: 1 });
  });
});

describe('strict', () => {
  it('refuses until the first record has been written, while the sink fails, and while there is no room', async () => {
    make({ strict: true, ringSize: 2 });
    expect(log.refuses).toBe(true);
    await log.open();
    expect(log.refuses).toBe(false);
    sink.failing = true;
    log.record(eventOf(0));
    await settle();
    expect(log.refuses).toBe(true);
    sink.failing = false;
    await after(5_000);
    expect(log.refuses).toBe(false);
    sink.hold();
    log.record(eventOf(1));
    await settle();
    for (const at of [2, 3]) log.record(eventOf(at));
    expect(log.refuses).toBe(true);
    sink.release();
    await log.flush();
    expect(log.refuses).toBe(false);
  });

  it('is what best-effort is not', async () => {
    make();
    expect(log.refuses).toBe(false);
    await log.open();
  });
});

describe('a key', () => {
  it.each(['short', '', Buffer.alloc(31), undefined, 5])(
    'that is none ends the boot',
    async (key) => {
      make({ key: () => key as string });
      const error: unknown = await log.open().catch((thrown: unknown) => thrown);
      expect(isCacheError(error, 'CACHE_CONFIG_INVALID')).toBe(true);
      if (key) expect(String(error)).not.toContain(`'${String(key)}`);
    },
  );

  it('that comes later is waited for by nobody, and nothing is lost meanwhile', async () => {
    let there = false;
    make({ key: () => (there ? KEY : Promise.reject(new Error('vault is sealed'))), strict: true });
    await log.open();
    log.record(eventOf(0));
    expect(log.refuses).toBe(true);
    there = true;
    await after(5_000);
    await log.flush();
    expect(sink.ofType('mutation')).toHaveLength(1);
  });

  it('that has changed holds for the next chain, which says so', async () => {
    let key = KEY;
    make({ key: () => key });
    await log.open();
    key = Buffer.alloc(32, 9);
    await after(DAY + 60_000);
    await log.flush();
    const [first, next] = sink.ofType('chain-open');
    expect(next.reason).toBe(first.chainId);
    expect(sink.ofType('key-rotation')).toHaveLength(1);
    const { chains } = await verified(sink, { keys: [KEY, key], now: NOW + DAY + 60_000 });
    expect(chains).toMatchObject([{ state: 'closed' }, { state: 'running' }]);
  });
});

describe('what is kept', () => {
  it('is everything but mutations and reads, whatever their shares are', async () => {
    make({ mutations: 0, reads: 0 });
    await log.open();
    const types = [
      'clear',
      'denied',
      'context-missing',
      'scope-violation',
      'integrity',
      'key-rotation',
      'tenant-erasure',
      'tier-config',
    ] as const;
    for (const type of types) log.record({ type });
    for (const type of ['mutation', 'read'] as const) log.record({ type });
    await log.flush();
    expect(sink.records.slice(2).map(({ eventType }) => eventType)).toEqual(types);
    expect(log.stats().recorded).toBe(types.length);
  });

  it('is all of a trace or nothing, else of a request, else as chance has it', async () => {
    let draws = 0;
    make({ reads: 0.5, random: () => (draws++, 0.4), ringSize: 10_000 });
    await log.open();
    const read = (about: Partial<AuditEvent>): void => log.record({ type: 'read', ...about });
    for (let at = 0; at < 500; at++) {
      read({ traceId: `trace-${at}`, requestId: `first-${at}` });
      read({ traceId: `trace-${at}`, requestId: `second-${at}` });
    }
    await log.flush();
    expect(draws).toBe(0);
    const seen = new Map<string, number>();
    for (const { traceId } of sink.ofType('read'))
      seen.set(traceId!, (seen.get(traceId!) ?? 0) + 1);
    expect(new Set(seen.values())).toEqual(new Set([2]));
    read({});
    await log.flush();
    expect([draws, sink.ofType('read').at(-1)?.traceId]).toEqual([1, undefined]);
  });

  it('is the share that was asked for, the same on every instance', () => {
    const names = Array.from({ length: 20_000 }, (_, at) => `request-${at}`);
    for (const share of [0.01, 0.1, 0.5]) {
      const inside = names.filter((name) => sampled(name, share));
      expect(inside.length / names.length).toBeGreaterThan(share * 0.85);
      expect(inside.length / names.length).toBeLessThan(share * 1.15);
      // What is in a small share is in each greater one.
      expect(inside.every((name) => sampled(name, share + 0.1))).toBe(true);
    }
    expect([sampled('request-7', 0), sampled('request-7', 1)]).toEqual([false, true]);
  });
});

describe('checkpoints', () => {
  it('are made at both ends, after a thousand records, and each minute, in both places', async () => {
    make({ ringSize: 10_000 });
    await log.open();
    await log.flush();
    expect(second.checkpoints).toMatchObject([{ seq: 2, closed: false }]);
    for (let at = 0; at < 1_000; at++) log.record(eventOf(at));
    await log.flush();
    expect(second.checkpoints.at(-1)).toMatchObject({ seq: 1_002, count: 1_002 });
    log.record(eventOf(0));
    await log.flush();
    expect(second.checkpoints).toHaveLength(2);
    await after(60_000);
    expect(second.checkpoints.at(-1)).toMatchObject({ seq: 1_003, closed: false });
    await close();
    expect(second.checkpoints.at(-1)).toMatchObject({ seq: 1_004, closed: true });
    expect(sink.checkpoints).toEqual(second.checkpoints);
  });

  it('that cannot be made hold up no record', async () => {
    make();
    second.failing = true;
    await log.open();
    log.record(eventOf(0));
    await log.flush();
    expect(log.stats()).toMatchObject({ written: 3, healthy: true, failed: 1 });
  });
});

it('removes old chains at boot and once a day, and has said so before', async () => {
  make();
  await log.open();
  await log.flush();
  const [first] = sink.ofType('retention');
  expect(sink.pruned).toEqual([Date.parse(first.reason!)]);
  expect(sink.pruned[0]).toBe(NOW - 90 * DAY);
  await after(DAY + 60_000);
  await log.flush();
  expect(sink.pruned).toHaveLength(2);
  expect(sink.ofType('retention')).toHaveLength(2);
});
