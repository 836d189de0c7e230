/** Seeded runs of the production code over simulated Redis, network and clocks; and the same with a rule taken out. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { firstBad, loadSimulation, type Simulation } from './load.js';
import { RULES } from './rules.js';
import { FAULTS, type Fault } from './world.js';

const MOST_SEEDS = 2_000;
const PATIENCE = 120_000;

describe('the whole protocol', () => {
  let simulation: Simulation;
  beforeAll(async () => {
    simulation = await loadSimulation();
  });
  afterAll(() => simulation.close());

  const mixes: Readonly<Record<string, readonly Fault[]>> = {
    nothing: [],
    ...Object.fromEntries(FAULTS.map((fault) => [fault, [fault]])),
    everything: FAULTS,
  };
  it.each(Object.keys(mixes))(
    'keeps its guarantees where %s goes wrong',
    async (name) => {
      const seeds = { from: 1, seeds: 60, faults: mixes[name] };
      expect(await firstBad(simulation, seeds)).toBeUndefined();
    },
    PATIENCE,
  );

  it('goes the same way again with the same seed', async () => {
    const logs = [];
    for (let time = 0; time < 2; time++) {
      const world = simulation.world({ seed: 7, faults: FAULTS });
      await world.run();
      logs.push(world.log);
    }
    expect(logs[0].length).toBeGreaterThan(80);
    expect(logs[1]).toEqual(logs[0]);
  });
});

it.each(RULES)(
  'without the rule “$name” a run goes wrong',
  async (rule) => {
    const simulation = await loadSimulation(rule);
    try {
      const bad = await firstBad(simulation, { from: 1, seeds: MOST_SEEDS, faults: rule.faults });
      expect(bad).toBeDefined();
    } finally {
      await simulation.close();
    }
  },
  PATIENCE,
);
