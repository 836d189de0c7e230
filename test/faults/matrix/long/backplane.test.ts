/** The stream of changes says nothing, is lost, or is something else. */
import { setTimeout as pause } from 'node:timers/promises';
import { expect } from 'vitest';
import { apart, remember, remembered } from '../backplane.js';
import { endAfterEach } from '../../../support/ends.js';
import { Load } from '../load.js';
import { row } from '../row.js';
import { adminOf, BACKPLANE, ownRedis, States } from '../setting.js';

endAfterEach();

/** Memory is believed for so long without being told anything, and then a read may take that long. */
const SILENCE_MS = 3_000;
const ONE_READ_MS = 100;

row(
  11,
  {
    fault: 'the backplane alone is half-open',
    expected: 'memory is believed for 3 s at most, then what is below it is',
  },
  async (figures) => {
    const { hearer, teller, way } = await apart();
    const load = new Load([hearer.cache], { perSecond: 100 });
    await hearer.cache.getOrSet('k', () => 0);
    way.halfOpen({ text: BACKPLANE, since: 'before' });
    // Version n is the right one from told[n] on.
    const told = [performance.now()];
    let stalest = 0;
    const end = performance.now() + 8_000;
    while (performance.now() < end) {
      await teller.cache.delete('k');
      told.push(performance.now());
      await teller.cache.getOrSet('k', () => told.length - 1);
      const asked = performance.now();
      const version = await hearer.cache.getOrSet('k', () => told.length - 1);
      const outdated = told[version + 1];
      if (outdated !== undefined) stalest = Math.max(stalest, asked - outdated);
      await load.during(20);
    }
    figures.ms('oldest value served', stalest, SILENCE_MS + ONE_READ_MS);
    const report = await load.stop();
    figures.count('failed requests', report.errors.length, 0);
    // It has been half-open indeed, and is heard again.
    expect(stalest).toBeGreaterThan(1_000);
    await expect.poll(() => hearer.cache.stats().tiers.l2.state).toBe('up');
    await teller.cache.delete('k');
    await expect.poll(() => hearer.cache.peek('k')).toBeUndefined();
  },
);

row(
  11,
  {
    fault: 'the backplane alone is half-open, and entries with tags are read from Redis',
    expected: 'what was known of tags is believed for 3 s at most',
  },
  async (figures) => {
    const { hearer, teller, way } = await apart(undefined, { l1: false });
    const tagged = { tags: ['t'] };
    await hearer.cache.getOrSet('k', () => 0, tagged);
    way.halfOpen({ text: BACKPLANE, since: 'before' });
    // Version n is the right one from told[n] on.
    const told = [performance.now()];
    let stalest = 0;
    const end = performance.now() + 8_000;
    while (performance.now() < end) {
      const version = await hearer.cache.get<number>('k');
      const asked = performance.now();
      const outdated = version === undefined ? undefined : told[version + 1];
      if (outdated !== undefined) stalest = Math.max(stalest, asked - outdated);
      if (told.length === 1) {
        await teller.cache.invalidateTags(['t']);
        told.push(performance.now());
      }
      await pause(5);
    }
    figures.ms('oldest value served', stalest, SILENCE_MS + ONE_READ_MS);
    // It has been half-open indeed, and is heard again.
    expect(stalest).toBeGreaterThan(500);
    await expect.poll(() => hearer.cache.stats().tiers.l2.state).toBe('up');
    expect(await hearer.cache.get('k')).toBeUndefined();
  },
);

row(
  15,
  {
    fault: 'the stream is deleted with a message nobody has heard',
    expected: 'the number shows it: memory is forgotten',
  },
  async (figures) => {
    const { hearer, namespace, teller, way } = await apart();
    const admin = adminOf({ url: way.url });
    const load = new Load([hearer.cache], { perSecond: 100 });
    await remember(hearer, 100);
    const held = way.worsen({ replies: { latency: 300 } }, { text: BACKPLANE });
    const deleting = performance.now();
    await teller.cache.delete('k0');
    await admin.del(`${namespace}:{~}:st`);
    way.reset(BACKPLANE);
    held();
    await expect.poll(() => remembered(hearer, 100), { interval: 1, timeout: 10_000 }).toBe(0);
    figures.ms('ms to detect', performance.now() - deleting, 3_000);
    const report = await load.stop();
    figures.count('failed requests', report.errors.length, 0);
    figures.count('wrong values', report.wrong, 0);
    expect(await hearer.cache.getOrSet('k0', () => 'new')).toBe('new');
    await expect.poll(() => hearer.cache.stats().tiers.l2.state).toBe('up');
  },
);

row(
  15,
  {
    fault: 'the stream is a text',
    expected: 'not used and not up, the app is served; used again when the stream is one',
  },
  async (figures) => {
    const server = await ownRedis();
    const { hearer, namespace, teller } = await apart(server.url);
    const admin = adminOf(server);
    const states = new States(hearer.cache);
    const load = new Load([hearer.cache], { writeEvery: 20 });
    await load.during(500);
    const wrong = performance.now();
    await admin.set(`${namespace}:{~}:st`, 'text');
    const noticed = (): number | undefined => states.since(wrong, false);
    await expect.poll(noticed, { interval: 1, timeout: 10_000 }).toBeDefined();
    figures.ms('ms to detect', noticed()! - wrong, 2_000);
    const during = await load.during(2_000);
    const { reason, state } = hearer.cache.stats().tiers.l2;
    expect(state).not.toBe('up');
    expect(reason).toBe('a record of the cache is something else');
    await admin.del(`${namespace}:{~}:st`);
    await expect
      .poll(async () => (await hearer.cache.delete('another')).l2, { timeout: 10_000 })
      .toBe('ok');
    const after = await load.stop();
    figures.count('failed requests', during.errors.length + after.errors.length, 0);
    figures.count('wrong values', during.wrong + after.wrong, 0);
    expect(await load.older(teller.cache)).toBe(0);
  },
);
