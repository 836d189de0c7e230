/** Seeded runs of the production code over simulated Redis, network and clocks; and the same with a rule taken out. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { firstBad, loadSimulation, type Simulation } from './load.js';
import { RULES } from './rules.js';
import { FAULTS, type Fault } from './faults.js';

const MOST_SEEDS = 2_000;
const PATIENCE = 120_000;

let whole: Simulation;
beforeAll(async () => {
  whole = await loadSimulation();
});
afterAll(() => whole.close());

describe('the whole protocol', () => {
  const mixes: Readonly<Record<string, readonly Fault[]>> = {
    nothing: [],
    ...Object.fromEntries(FAULTS.map((fault) => [fault, [fault]])),
    everything: FAULTS,
  };
  it.each(Object.keys(mixes))(
    'keeps its guarantees where %s goes wrong',
    async (name) => {
      expect(await firstBad(whole, 60, { faults: mixes[name] })).toBeUndefined();
    },
    PATIENCE,
  );

  it.each(Object.keys(mixes))(
    'keeps them with sealed messages where %s goes wrong, and only what was told twice is refused',
    async (name) => {
      const faults = mixes[name];
      for (let seed = 1; seed <= 20; seed++) {
        const world = whole.world({ seed, faults, sealed: true });
        expect([seed, await world.run()]).toEqual([seed, []]);
        if (!faults.includes('repeat')) expect([seed, world.refused]).toEqual([seed, 0]);
      }
    },
    PATIENCE,
  );

  it('goes the same way again with the same seed', async () => {
    const logs = [];
    for (let time = 0; time < 2; time++) {
      const world = whole.world({ seed: 7, faults: FAULTS });
      await world.run();
      logs.push(world.log);
    }
    expect(logs[0].length).toBeGreaterThan(80);
    expect(logs[1]).toEqual(logs[0]);
  });
});

it.each(RULES)(
  'without the rule “$name” a run goes wrong that is right with it',
  async (rule) => {
    const { faults, from, tiers = 'l1+l2' } = rule;
    const without = await loadSimulation(rule);
    try {
      const seed = await firstBad(without, MOST_SEEDS, { faults, tiers }, from);
      expect(seed).toBeDefined();
      expect(await whole.world({ seed: seed!, faults, tiers }).run()).toEqual([]);
    } finally {
      await without.close();
    }
  },
  PATIENCE,
);
