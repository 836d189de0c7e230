// `npm run bench:load [-- --only l1,l2,l3,mixed] [-- --seconds 5] [-- --write]`: the targets of each tier, and a mixed load beside other
// caches, offered by a process of its own that waits for nobody. Exit code 1: a target was missed; 2: wrong arguments; 3: the machine
// had something else to do, and nothing was judged. `--write` puts the figures into docs/load.md.
import { parseArgs } from 'node:util';
import { loadTable } from './load/report.mjs';
import { standing } from './lib/machine.mjs';
import { mixed } from './load/mixed.mjs';
import { targetOf, TARGETS } from './load/targets.mjs';
import { writeFigures } from './lib/markers.mjs';

const { values } = parseArgs({
  options: {
    only: { type: 'string' },
    seconds: { type: 'string', default: '5' },
    flags: { type: 'string', default: '' },
    ladder: { type: 'string', default: 'on' },
    write: { type: 'boolean', default: false },
  },
});
const known = [...Object.keys(TARGETS), 'mixed'];
const chosen = values.only?.split(',') ?? known;
const seconds = Number(values.seconds);
if (chosen.some((name) => !known.includes(name)) || !(seconds >= 1 && seconds <= 60)) {
  console.error(`--only knows ${known.join(', ')}; --seconds is a number from 1 to 60`);
  process.exit(2);
}
// Timers of a cache and throwaway servers keep no process alive, and there is nothing else while a store is away.
const alive = setInterval(() => undefined, 1_000);
const flags = values.flags.split(' ').filter(Boolean);
const options = { seconds, warmUp: 2, flags, ladder: values.ladder === 'on' };
let missed = false;
let unjudged = false;
for (const name of chosen) {
  const { line, idle, judged } = await standing();
  console.log(`\n${line}, ${Math.round(100 * idle)} % idle`);
  if (!judged) console.log('  something else runs here: measured, and nothing judged');
  const found = name === 'mixed' ? await mixed(options) : [await targetOf(name, options)];
  const { text, markdown, met } = loadTable(name, found, { judged });
  console.log(text);
  missed ||= judged && !met;
  unjudged ||= !judged;
  if (values.write) await writeFigures('docs/load.md', { [name]: `${markdown}\n\n${line}.` });
}
clearInterval(alive);
if (missed) process.exitCode = 1;
else if (unjudged) process.exitCode = 3;
