/** Loads the simulated world over the production sources, whole or with one rule taken out of them. */
import { fileURLToPath } from 'node:url';
import { createViteServer } from 'vitest/node';
import type { Rule } from './rules.js';
import type { Violation, WorldOptions } from './world.js';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));

/** One run, which has not begun. */
interface Run {
  readonly log: readonly string[];
  run(): Promise<readonly Violation[]>;
}

export interface Simulation {
  world(options: WorldOptions): Run;
  close(): Promise<void>;
}

/** @throws Error where the rule is not found in its file: it was changed, and the list of rules was not. */
export async function loadSimulation(without?: Rule): Promise<Simulation> {
  let removed = without === undefined;
  const server = await createViteServer({
    root: ROOT,
    configFile: false,
    logLevel: 'error',
    server: { middlewareMode: true, watch: null, hmr: false, ws: false },
    optimizeDeps: { noDiscovery: true },
    plugins: [
      {
        name: 'without-a-rule',
        enforce: 'pre',
        transform(code, id) {
          if (!without || !id.endsWith(`/${without.file}`)) return undefined;
          if (!code.includes(without.find)) throw new Error(`not found: ${without.name}`);
          removed = true;
          return code.replace(without.find, () => without.replace);
        },
      },
    ],
  });
  const { World } = (await server.ssrLoadModule('/test/simulation/world.ts')) as {
    World: new (options: WorldOptions) => Run;
  };
  if (!removed) throw new Error(`nothing loads ${without?.file}`);
  return { world: (options) => new World(options), close: () => server.close() };
}

/** The first seed from `from` on that goes wrong, within `seeds`. */
export async function firstBad(
  simulation: Simulation,
  { from, seeds, faults, step = 1 }: Seeds,
): Promise<number | undefined> {
  for (let seed = from; seed < from + seeds; seed += step) {
    const violations = await simulation.world({ seed, faults }).run();
    if (violations.length > 0) return seed;
  }
  return undefined;
}

export interface Seeds {
  readonly from: number;
  readonly seeds: number;
  readonly faults: WorldOptions['faults'];
  readonly step?: number;
}
