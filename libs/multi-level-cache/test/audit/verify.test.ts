/** What the verifier finds, and what it does not take for anything. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { AuditRecord } from '../../src/core/audit.js';
import { Chain } from '../../src/security/audit/chain.js';
import { AuditSeal } from '../../src/security/audit/seal.js';
import { verifyAudit } from '../../src/security/audit/verify.js';
import { chainOf, eventOf, KEY, NOW, ORIGIN, verified, type Written } from './support.js';

/** `AUDIT_EVENTS=1000000` for the long run. */
const EVENTS = Number(process.env['AUDIT_EVENTS'] ?? 20_000);

async function faultsOf(written: Written): Promise<string[]> {
  const { chains } = await verified(written);
  return chains.flatMap(({ faults }) => faults.map(({ kind, seq }) => `${kind} at ${seq}`));
}

/** As rows of a table, read in the order of their numbers. */
const bySeq = (records: readonly AuditRecord[]): AuditRecord[] =>
  records.toSorted((one, other) => one.seq - other.seq);

describe('a chain', () => {
  it('is whole as it was written, with and without its end', async () => {
    const [closed, open] = [chainOf(50), chainOf(50, { closed: false })];
    expect((await verified(closed)).chains).toMatchObject([
      { state: 'closed', records: 50, faults: [] },
    ]);
    expect((await verified(open)).chains).toMatchObject([{ state: 'running', faults: [] }]);
    const later = await verified(open, { now: NOW + 3_600_000 });
    expect(later.chains).toMatchObject([{ state: 'unclean', faults: [] }]);
  });

  it.each([
    'reason',
    'tenantId',
    'action',
    'keyHmac',
    'ts',
    'count',
    'requestId',
    'instanceId',
  ] as const)('has been edited where its %s is another', async (field) => {
    const written = chainOf(20);
    const other = field === 'ts' || field === 'count' ? written.records[9][field] + 0.001 : 'other';
    written.records[9] = { ...written.records[9], [field]: other };
    expect(await faultsOf(written)).toEqual(['edit at 10']);
  });

  it('has been edited where a record has a hash of its own', async () => {
    const written = chainOf(20);
    written.records[9] = { ...written.records[9], action: 'delete', hash: 'A'.repeat(43) };
    expect(await faultsOf(written)).toEqual(['edit at 10']);
  });

  it('has been edited where a neighbour that stands next to it has been, or its first and last', async () => {
    const written = chainOf(20);
    for (const at of [0, 9, 10, 19])
      written.records[at] = { ...written.records[at], action: 'other' };
    expect(await faultsOf(written)).toEqual([
      'edit at 1',
      'edit at 10',
      'edit at 11',
      'edit at 20',
    ]);
  });

  it('misses records that were deleted, also where the others were numbered anew', async () => {
    const written = chainOf(20);
    written.records.splice(9, 3);
    expect(await faultsOf(written)).toEqual(['delete at 10']);
    const renumbered = chainOf(20);
    renumbered.records.splice(9, 1);
    renumbered.records.forEach((record, at, all) => (all[at] = { ...record, seq: at + 1 }));
    expect(await faultsOf(renumbered)).toEqual(['delete at 10']);
    const beginning = chainOf(20);
    beginning.records.splice(0, 4);
    expect(await faultsOf(beginning)).toEqual(['delete at 1']);
  });

  it('does not take what was inserted: a copy, an invention, and one for which others were moved', async () => {
    const copied = chainOf(20);
    copied.records.splice(9, 0, copied.records[4]);
    expect(await faultsOf(copied)).toEqual(['insert at 5']);
    const invented = chainOf(20);
    invented.records.splice(9, 0, { ...invented.records[9], action: 'other' });
    expect(await faultsOf(invented)).toEqual(['insert at 10']);
    const moved = chainOf(20);
    moved.records.splice(9, 0, { ...moved.records[9], action: 'other' });
    moved.records.forEach((record, at, all) => (all[at] = { ...record, seq: at + 1 }));
    expect(await faultsOf(moved)).toEqual(['insert at 10']);
    const behind = chainOf(20);
    behind.records.push({ ...behind.records[9], seq: 21, prevHash: behind.records[19].hash });
    expect(await faultsOf(behind)).toEqual(['insert at 21']);
  });

  it('sees that records changed places: lines of a file, and rows whose numbers were exchanged', async () => {
    const lines = chainOf(20);
    [lines.records[9], lines.records[10]] = [lines.records[10], lines.records[9]];
    expect(await faultsOf(lines)).toEqual(['reorder at 10']);
    const rows = chainOf(20);
    rows.records[4] = { ...rows.records[4], seq: 15 };
    rows.records[14] = { ...rows.records[14], seq: 5 };
    expect(await faultsOf({ ...rows, records: bySeq(rows.records) })).toEqual([
      'reorder at 5',
      'reorder at 15',
    ]);
    const neighbours = chainOf(20);
    neighbours.records[9] = { ...neighbours.records[9], seq: 11 };
    neighbours.records[10] = { ...neighbours.records[10], seq: 10 };
    expect(await faultsOf({ ...neighbours, records: bySeq(neighbours.records) })).toEqual([
      'reorder at 10',
    ]);
  });

  it('misses its end and itself where a checkpoint has seen them', async () => {
    const { records, checkpoints } = chainOf(20);
    expect(await faultsOf({ records: records.slice(0, 15), checkpoints })).toEqual([
      'truncation at 16',
    ]);
    expect(await faultsOf({ records: [], checkpoints })).toEqual(['truncation at 1']);
    // Without it nothing tells it from a process that was killed.
    const bare = await verified(
      { records: records.slice(0, 15), checkpoints: [] },
      { now: NOW + 3_600_000 },
    );
    expect(bare.chains).toMatchObject([{ state: 'unclean' }]);
  });

  it('misses the chain before it', async () => {
    const seal = new AuditSeal(KEY);
    const first = new Chain(seal, ORIGIN, NOW);
    const second = new Chain(seal, ORIGIN, NOW);
    const one = first.add({ type: 'chain-open' }, NOW);
    const other = second.add({ type: 'chain-open', reason: first.id }, NOW);
    expect(await faultsOf({ records: [one, other], checkpoints: [] })).toEqual([]);
    expect(await faultsOf({ records: [other], checkpoints: [] })).toEqual(['truncation at 1']);
  });

  it('may be gone as a whole where the application says that it removed what was as old', async () => {
    const old = chainOf(20);
    const chain = new Chain(new AuditSeal(KEY), ORIGIN, NOW);
    const prune = (until: number): AuditRecord[] => [
      chain.add({ type: 'retention', reason: new Date(until).toISOString() }, NOW),
    ];
    const { checkpoints } = old;
    expect(await faultsOf({ records: prune(NOW + 1_000), checkpoints })).toEqual([]);
    const forged = prune(NOW + 1_000).map((record) => ({ ...record, seq: 1, prevHash: '' }));
    expect(await faultsOf({ records: forged, checkpoints })).toContain('truncation at 1');
  });

  it('is read with whichever of the keys made it, and with no other', async () => {
    const written = chainOf(20);
    const other = Buffer.alloc(32, 8);
    expect((await verified(written, { keys: [other, KEY] })).chains[0].state).toBe('closed');
    const report = await verified(written, { keys: [other] });
    expect(report.forged).toBe(1);
    expect(report.chains[0]).toMatchObject({ state: 'broken', foreign: true });
  });

  it('believes no checkpoint that was made without the key', async () => {
    const { records, checkpoints } = chainOf(20);
    const forged = checkpoints.map((one) => ({ ...one, seq: 10, head: records[9].hash }));
    const report = await verified({ records: records.slice(0, 10), checkpoints: forged });
    expect(report.forged).toBe(1);
  });
});

it('finds whatever is done to a chain, and where it begins', async () => {
  const length = 40;
  const place = fc.integer({ min: 0, max: length - 1 });
  const deed = fc.oneof(
    fc.record({ kind: fc.constant('edit' as const), at: place, to: fc.string({ minLength: 1 }) }),
    fc.record({
      kind: fc.constant('delete' as const),
      at: place,
      many: fc.integer({ min: 1, max: 5 }),
    }),
    fc.record({ kind: fc.constant('copy' as const), at: place, from: place }),
    fc.record({ kind: fc.constant('swap' as const), at: place, from: place }),
    fc.record({ kind: fc.constant('cut' as const), at: place }),
  );
  await fc.assert(
    fc.asyncProperty(deed, async (done) => {
      const { records, checkpoints } = chainOf(length);
      const { at } = done;
      if (done.kind === 'edit') records[at] = { ...records[at], action: `${done.to}!` };
      if (done.kind === 'delete') records.splice(at, done.many);
      if (done.kind === 'copy') records.splice(at, 0, records[done.from]);
      if (done.kind === 'cut') records.length = at;
      if (done.kind === 'swap')
        [records[at], records[done.from]] = [records[done.from], records[at]];
      const { chains } = await verified({ records, checkpoints });
      const untouched = done.kind === 'swap' && done.from === at;
      expect(chains).toHaveLength(1);
      expect(chains[0].state).toBe(untouched ? 'closed' : 'broken');
      const first = chains[0].faults[0]?.seq;
      if (done.kind !== 'copy' && !untouched)
        expect(first).toBe(Math.min(at, done.kind === 'swap' ? done.from : at) + 1);
    }),
    { numRuns: 500 },
  );
});

it(
  `raises no false alarm in ${EVENTS} events, and keeps none of them`,
  async () => {
    const chain = new Chain(new AuditSeal(KEY), ORIGIN, NOW);
    const before = process.memoryUsage().heapUsed;
    let most = 0;
    function* records(): Generator<AuditRecord> {
      for (let at = 0; at < EVENTS; at++) {
        if (at % 50_000 === 0) most = Math.max(most, process.memoryUsage().heapUsed - before);
        yield chain.add(eventOf(at), NOW);
      }
    }
    const report = await verifyAudit(
      { records: records(), checkpoints: [] },
      { keys: [KEY], now: NOW },
    );
    expect(report.chains).toMatchObject([{ state: 'running', records: EVENTS, faults: [] }]);
    console.log(`${EVENTS} records, heap at most ${(most / 1e6).toFixed(0)} MB above`);
  },
  30_000 + EVENTS / 10,
);
