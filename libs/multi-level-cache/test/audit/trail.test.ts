/** The end of the cache's own side of the log: what still runs is recorded, and what never ends holds up nobody. */
import { expect, it } from 'vitest';
import { SystemClock } from '../../src/core/clock.js';
import { Address, Scope } from '../../src/core/key.js';
import { AuditTrail } from '../../src/manager/audit-trail.js';
import { AuditLog } from '../../src/security/audit/audit-log.js';
import { ContextStore } from '../../src/security/context.js';
import { KEY, MemorySink, ORIGIN, verified } from './support.js';

const OPTIONS = { key: () => KEY, strict: false, mutations: 1, reads: 0, retention: 86_400_000 };
const change = {
  kind: 'delete',
  addresses: [new Address(new Scope('shop', 'p', 'default'), 'k')],
} as const;

async function trail() {
  const sink = new MemorySink();
  const clock = new SystemClock();
  const log = new AuditLog(OPTIONS, { sink, origin: ORIGIN, clock });
  await log.open();
  return { clock, sink, made: new AuditTrail(log, new ContextStore(), 'shop') };
}

it('records a change that ends while the cache closes, before the last record', async () => {
  const { clock, made, sink } = await trail();
  let end!: () => void;
  const running = made.changed(change, () => new Promise<void>((resolve) => (end = resolve)));
  const closing = made.close(clock);
  // Long enough for a log that waits for nobody to be at its end.
  for (let turn = 0; turn < 20; turn++) await new Promise(setImmediate);
  end();
  await Promise.all([running, closing]);
  expect(sink.records.slice(-2).map(({ eventType }) => eventType)).toEqual([
    'mutation',
    'chain-close',
  ]);
  const { chains } = await verified(sink, { now: Date.now() });
  expect(chains).toMatchObject([{ state: 'closed', faults: [] }]);
});

it('waits for no change that never ends', async () => {
  const { clock, made, sink } = await trail();
  void made.changed(change, () => new Promise<void>(() => undefined));
  await made.close(clock);
  expect(sink.records.at(-1)?.eventType).toBe('chain-close');
});
