/** The stream of changes cannot be followed for a while: what was told meanwhile is heard afterwards, or everything is forgotten. */
import { expect } from 'vitest';
import { apart, tellEach, remember, remembered, type Apart } from '../backplane.js';
import { endAfterEach } from '../../../support/ends.js';
import { Load } from '../load.js';
import { row } from '../row.js';
import { BACKPLANE, States } from '../setting.js';

endAfterEach();

/** Cut off while so many changes are told; resolves when it follows again, with how long that took. */
async function missing({ hearer, teller, way }: Apart, count: number): Promise<number> {
  const states = new States(hearer.cache);
  const state = (): string => hearer.cache.stats().tiers.l2.state;
  await expect.poll(state).toBe('up');
  way.cut(BACKPLANE);
  await expect.poll(state).toBe('down');
  await tellEach(teller, count);
  const mended = performance.now();
  way.mend();
  const back = (): number | undefined => states.since(mended, true);
  await expect.poll(back, { interval: 1, timeout: 10_000 }).toBeDefined();
  return back()! - mended;
}

row(
  13,
  {
    fault: 'backplane disconnected while 5,000 changes are told',
    expected: 'all of them are heard afterwards, and nothing else is forgotten',
  },
  async (figures) => {
    const told = 5_000;
    const instances = await apart();
    const { hearer } = instances;
    const load = new Load([hearer.cache], { perSecond: 100 });
    await remember(hearer, told + 100);
    expect(remembered(hearer, told + 100)).toBe(told + 100);
    let replayed = 0;
    hearer.cache.on('invalidate', ({ count, origin }) => {
      if (origin === 'backplane') replayed += count;
    });
    figures.ms('ms to replay', await missing(instances, told), 2_000);
    const report = await load.stop();
    figures.count('replayed', replayed);
    figures.count('still in memory of what was deleted', remembered(hearer, told), 0);
    const kept = remembered(hearer, told + 100);
    figures.count('flushes', kept === 100 ? 0 : 1, 0);
    figures.count('failed requests', report.errors.length, 0);
    figures.count('wrong values', report.wrong, 0);
    // What was late on a busy machine is told twice.
    expect(replayed).toBeGreaterThanOrEqual(told);
  },
);

row(
  14,
  {
    fault: 'backplane disconnected for more changes than the stream keeps',
    expected: 'the gap is proven, and memory is forgotten',
  },
  async (figures) => {
    const instances = await apart();
    const { hearer } = instances;
    const load = new Load([hearer.cache], { perSecond: 100 });
    await remember(hearer, 200);
    let replayed = 0;
    hearer.cache.on('invalidate', ({ count, origin }) => {
      if (origin === 'backplane') replayed += count;
    });
    const took = await missing(instances, 12_000);
    figures.ms('ms to flush', took, 2_000);
    const report = await load.stop();
    figures.count('still in memory', remembered(hearer, 200), 0);
    figures.count('replayed', replayed, 0);
    figures.count('failed requests', report.errors.length, 0);
    figures.count('wrong values', report.wrong, 0);
  },
);
