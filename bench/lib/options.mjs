// What was asked for on the command line.
import { parseArgs } from 'node:util';
import { SCENARIOS } from '../scenarios/index.mjs';

const USAGE = `npm run bench [-- --only ${SCENARIOS.join(',')}] [-- --trials 5] [-- --quick] [-- --write] [-- --json FILE]`;

/** Ends the process with 2 where it cannot be read. */
export function options(argv = process.argv.slice(2)) {
  try {
    return read(argv);
  } catch (error) {
    console.error(`${error.message}\n${USAGE}`);
    return process.exit(2);
  }
}

export function read(argv) {
  const { values } = parseArgs({
    args: argv,
    options: {
      only: { type: 'string' },
      trials: { type: 'string' },
      quick: { type: 'boolean', default: false },
      write: { type: 'boolean', default: false },
      json: { type: 'string' },
    },
  });
  const { quick, write } = values;
  const chosen = values.only?.split(',') ?? SCENARIOS;
  const unknown = chosen.find((name) => !SCENARIOS.includes(name));
  if (unknown !== undefined) throw new Error(`no scenario is called "${unknown}"`);
  const trials = Number(values.trials ?? (quick ? 1 : 5));
  if (!Number.isSafeInteger(trials) || trials < 1)
    throw new Error('--trials is a whole number above 0');
  if (write && (quick || values.only))
    throw new Error('--write is for a whole run: neither --quick nor --only');
  return { chosen, trials, quick, write, json: values.json, slice: quick ? 20 : 250 };
}
