// `npm run bench:scale [-- --only keys,values,tags,instances,inflight,units] [-- --trials 5] [-- --write]`: how cost grows, and what one of
// each thing costs, from which docs/sizing.md reckons. `--write` puts tables and charts into docs/scale.md and docs/sizing.md.
import { parseArgs } from 'node:util';
import { standing } from './lib/machine.mjs';
import { writeFigures } from './lib/markers.mjs';
import { writeChart } from './lib/line-chart.mjs';
import { inflight } from './scale/inflight.mjs';
import { instances } from './scale/instances.mjs';
import { keys } from './scale/keys.mjs';
import { chartsOf, curveTable, curveText } from './scale/report.mjs';
import { exampleTable } from './scale/sizing.mjs';
import { tags } from './scale/tags.mjs';
import { units } from './scale/units.mjs';
import { unitTable, unitText } from './scale/report.mjs';
import { values as sizes } from './scale/values.mjs';

const CURVES = { keys, values: sizes, tags, instances, inflight };
const { values } = parseArgs({
  options: {
    only: { type: 'string' },
    trials: { type: 'string', default: '5' },
    write: { type: 'boolean', default: false },
  },
});
const known = [...Object.keys(CURVES), 'units'];
const chosen = values.only?.split(',') ?? known;
const trials = Number(values.trials);
if (chosen.some((name) => !known.includes(name)) || !Number.isSafeInteger(trials) || trials < 1) {
  console.error(`--only knows ${known.join(', ')}; --trials is a whole number above 0`);
  process.exit(2);
}
// Timers of a cache and throwaway servers keep no process alive, and there is nothing else while a store is away.
const alive = setInterval(() => undefined, 1_000);
const { line, idle } = await standing();
console.log(`${line}, ${Math.round(100 * idle)} % idle`);
for (const name of chosen) {
  const began = performance.now();
  if (name === 'units') {
    const found = await units({ trials });
    console.log(unitText(found));
    if (values.write) {
      await writeFigures('docs/scale.md', { units: `${unitTable(found)}\n\n${line}.` });
      await writeFigures('docs/sizing.md', { example: exampleTable(found) });
    }
  } else {
    const curve = await CURVES[name]({ trials });
    console.log(curveText(curve));
    if (values.write) {
      await writeFigures('docs/scale.md', { [name]: `${curveTable(curve)}\n\n${line}.` });
      for (const [file, chart] of chartsOf(curve)) await writeChart(`docs/images/${file}`, chart);
    }
  }
  console.log(`  ${((performance.now() - began) / 1_000).toFixed(0)} s`);
}
clearInterval(alive);
