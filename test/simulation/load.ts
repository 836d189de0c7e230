/** Loads the simulated world over the production sources, whole or with one rule taken out of them. */
import { sources } from './sources.mjs';
import type { Rule } from './rules.js';
import type { Violation } from './ledger.js';
import type { WorldOptions } from './setting.js';

/** One run, which has not begun. */
interface Run {
  readonly log: readonly string[];
  readonly refused: number;
  run(): Promise<readonly Violation[]>;
}

export interface Simulation {
  world(options: WorldOptions): Run;
  close(): Promise<void>;
}

/** @throws Error where the rule is not found in its file: it was changed, and the list of rules was not. */
export async function loadSimulation(without?: Rule): Promise<Simulation> {
  let removed = without === undefined;
  const server = await sources({
    name: 'without-a-rule',
    enforce: 'pre',
    transform(code, id) {
      if (!without || !id.endsWith(`/${without.file}`)) return undefined;
      if (!code.includes(without.find)) throw new Error(`not found: ${without.name}`);
      removed = true;
      return code.replace(without.find, () => without.replace);
    },
  });
  const { World } = (await server.ssrLoadModule('/test/simulation/world.ts')) as {
    World: new (options: WorldOptions) => Run;
  };
  if (!removed) throw new Error(`nothing loads ${without?.file}`);
  return { world: (options) => new World(options), close: () => server.close() };
}

/** The first of so many seeds that goes wrong. */
export async function firstBad(
  simulation: Simulation,
  seeds: number,
  options: Omit<WorldOptions, 'seed'>,
  from = 1,
): Promise<number | undefined> {
  for (let seed = from; seed < from + seeds; seed++) {
    const violations = await simulation.world({ seed, ...options }).run();
    if (violations.length > 0) return seed;
  }
  return undefined;
}
