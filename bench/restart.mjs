// `npm run bench:restart`: what the first minute after a restart gets without the loader, with warming and without it: the demo
// under its own traffic, whose values Redis and PostgreSQL still hold; and an application that finds all it had stored void.
import { parseArgs } from 'node:util';
import { restartDemo } from './restart/demo.mjs';
import { restartVoid } from './restart/void.mjs';

const { values } = parseArgs({
  options: { seconds: { type: 'string', default: '60' }, rate: { type: 'string', default: '200' } },
});
const load = { seconds: Number(values.seconds), rate: Number(values.rate) };

for (const warming of [false, true])
  console.log(`the demo, ${named(warming)}: ${await restartDemo(warming, load)}`);
for (const warming of [false, true])
  console.log(`everything void, ${named(warming)}: ${await restartVoid(warming, load)}`);

function named(warming) {
  return warming ? 'with warming' : 'without';
}
