// `npm run bench:eviction -- --traces DIR`: hits of L1 for each policy and three sizes, over recorded requests. One JSON line each.
import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { parseArgs } from 'node:util';
import { gunzipSync } from 'node:zlib';
import { NestFactory } from '@nestjs/core';
import { CacheManager, MultiLevelCacheModule } from 'nestjs-multi-level-cache';

const POLICIES = ['lru', 's3-fifo'];
/** Entries of L1, of the keys of a trace. */
const SHARES = [0.001, 0.01, 0.1];
const ENDING = '.csv.gz';
const HEADER = /^(?:key_id|time_ms,key_id(?:,size)?(?:,group_id)?)$/;

/** What is wrong with what was asked for, not with this script. */
class Refusal extends Error {}

function filesOf(directory, only) {
  if (directory === undefined) throw new Refusal('--traces DIR is missing');
  let names;
  try {
    names = readdirSync(directory).filter((name) => name.endsWith(ENDING));
  } catch (error) {
    throw new Refusal(`${directory} cannot be read: ${error.message}`);
  }
  const chosen = names.filter((name) => only === undefined || name === `${only}${ENDING}`).sort();
  if (chosen.length === 0) throw new Refusal(`no ${only ?? '*'}${ENDING} in ${directory}`);
  return chosen;
}

/** The keys in the order in which they were asked for. */
function readTrace(file) {
  let lines;
  try {
    lines = gunzipSync(readFileSync(file)).toString('utf8').split(/\r?\n/);
  } catch (error) {
    throw new Refusal(`${file} cannot be read: ${error.message}`);
  }
  if (lines.at(-1) === '') lines.pop();
  const [header, ...rows] = [lines[0] ?? '', ...lines.slice(1)];
  if (!HEADER.test(header))
    throw new Refusal(
      `${file} begins with neither "time_ms,key_id[,size][,group_id]" nor "key_id"`,
    );
  if (rows.length === 0) throw new Refusal(`${file} has no requests`);
  const column = header.split(',').indexOf('key_id');
  return rows.map((row, at) => {
    const key = row.split(',')[column];
    if (key === undefined || !/^\d+$/.test(key))
      throw new Refusal(`${file}, line ${at + 2}: no key_id`);
    return key;
  });
}

/** Through the public door. Nothing expires, and no bound but that on entries is ever met. */
async function replay(keys, eviction, maxEntries) {
  const app = await NestFactory.createApplicationContext(
    MultiLevelCacheModule.forRoot({
      namespace: 'bench',
      l1: { eviction, maxEntries, maxSize: '1024gb' },
      defaults: { ttl: '49d' },
    }),
    { logger: ['error'] },
  );
  const cache = app.get(CacheManager);
  let hits = 0;
  for (const key of keys) {
    if (cache.peek(key) !== undefined) hits++;
    else await cache.set(key, true);
  }
  await app.close();
  return hits;
}

try {
  const { values } = parseArgs({
    options: { traces: { type: 'string' }, only: { type: 'string' } },
  });
  const files = filesOf(values.traces, values.only);
  for (const file of files) {
    const trace = file.slice(0, -ENDING.length);
    const keys = readTrace(path.join(values.traces, file));
    const distinct = new Set(keys).size;
    for (const policy of POLICIES) {
      for (const share of SHARES) {
        const entries = Math.max(2, Math.round(distinct * share));
        const hits = await replay(keys, policy, entries);
        console.log(JSON.stringify({ trace, policy, entries, requests: keys.length, hits }));
        console.error(
          `${trace} ${policy} ${entries}: ${((100 * hits) / keys.length).toFixed(2)} %`,
        );
      }
    }
  }
} catch (error) {
  if (!(error instanceof Refusal) && !String(error.code).startsWith('ERR_PARSE_ARGS')) throw error;
  console.error(error.message);
  process.exit(2);
}
