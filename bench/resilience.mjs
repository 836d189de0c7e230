// `npm run bench:resilience [-- --only frozen,killed,guard,demand] [-- --trials 5]`: a frozen Redis, killed stores, and what the guard
// of a tier costs, and warming, each figure against its bar: medians, with the least and the most. Exit code 1: a bar was missed.
import { runParts } from './parts.mjs';
import { demand } from './resilience/demand.mjs';
import { frozen } from './resilience/frozen.mjs';
import { guard } from './resilience/guard.mjs';
import { killed } from './resilience/killed.mjs';

await runParts({ frozen, killed, guard, demand });
