// `npm run bench:telemetry [-- --only hits,lower,dashboard] [-- --trials 5]`: what telemetry costs with an SDK that collects, each figure
// against its bar: medians, with the least and the most. Exit code 1: a bar was missed.
import { runParts } from './parts.mjs';
import { dashboard } from './telemetry/dashboard.mjs';
import { hits } from './telemetry/hits.mjs';
import { lower } from './telemetry/lower.mjs';

await runParts({ hits, lower, dashboard });
