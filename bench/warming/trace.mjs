// Traces as they lie in files, and their settings: gzip CSV with a header, rows in the order of time. All of it is checked.
import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs';
import path from 'node:path';
import { gunzipSync } from 'node:zlib';

const UNITS = { ms: 1, s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000 };
const DEFAULTS = { ttl: '300s', tick: '60s' };
const ENDING = '.csv.gz';

/** What was given cannot be replayed, and why. */
export class InputError extends Error {}

/** The timestamped traces of a folder in the order of their names, each with its settings. */
export function readTraces(folder, only) {
  if (!existsSync(folder) || !statSync(folder).isDirectory())
    throw new InputError(`--traces: there is no folder ${folder}`);
  const names = readdirSync(folder)
    .filter((file) => file.endsWith(ENDING))
    .map((file) => file.slice(0, -ENDING.length))
    .toSorted();
  if (names.length === 0) throw new InputError(`--traces: no file NAME${ENDING} in ${folder}`);
  const missing = only?.find((name) => !names.includes(name));
  if (missing !== undefined) throw new InputError(`--only: ${missing}${ENDING} is not there`);
  const settingsOf = readSettings(folder);
  const traces = names
    .filter((name) => !only || only.includes(name))
    .map((name) => readTrace(path.join(folder, name + ENDING), name, settingsOf(name)))
    .filter((trace) => trace !== undefined);
  if (traces.length === 0) throw new InputError('--traces: none of the traces has times');
  return traces;
}

/** `undefined` where the trace has no times. */
function readTrace(file, name, settings) {
  const [head, ...rows] = unzipped(file, name).trimEnd().split('\n');
  const columns = head.trim().split(',');
  const [timeAt, keyAt, groupAt] = ['time_ms', 'key_id', 'group_id'].map((c) => columns.indexOf(c));
  if (keyAt < 0)
    throw new InputError(`${name}: the header is "${head.trim()}", without a column key_id`);
  if (timeAt < 0) {
    console.error(`${name}: has no column time_ms, so it is not replayed`);
    return undefined;
  }
  if (rows.length === 0) throw new InputError(`${name}: no rows`);
  const times = new Float64Array(rows.length);
  const keys = new Array(rows.length);
  const names = new Map();
  rows.forEach((row, at) => {
    const cells = row.trim().split(',');
    const time = cells[timeAt] ? Number(cells[timeAt]) : NaN;
    if (!Number.isFinite(time) || !cells[keyAt])
      throw new InputError(`${name}: line ${at + 2} is no time and key: "${row.trim()}"`);
    if (time < (times[at - 1] ?? -Infinity))
      throw new InputError(`${name}: line ${at + 2} is not in the order of time`);
    times[at] = time;
    const id = cells[keyAt];
    // A group is what stands before the first colon of a key.
    if (!names.has(id)) names.set(id, groupAt < 0 ? id : `${cells[groupAt]}:${id}`);
    keys[at] = names.get(id);
  });
  return { name, times, keys, settings };
}

function unzipped(file, name) {
  try {
    return gunzipSync(readFileSync(file)).toString();
  } catch (error) {
    throw new InputError(`${name}: cannot be read: ${error.message}`, { cause: error });
  }
}

/** Settings of a trace by its name. */
function readSettings(folder) {
  const file = path.join(folder, 'settings.json');
  const given = existsSync(file) ? parsed(readFileSync(file, 'utf8')) : {};
  if (!isObject(given)) throw new InputError('settings.json: not an object of settings by trace');
  return (name) => {
    const own = given[name] ?? {};
    if (!isObject(own)) throw new InputError(`settings.json, ${name}: not an object`);
    const { capacity, tick, ttl, ...others } = { ...DEFAULTS, ...own };
    const [unknown] = Object.keys(others);
    if (unknown !== undefined)
      throw new InputError(`settings.json, ${name}: knows ttl, tick and capacity, not ${unknown}`);
    if (capacity !== undefined && !(typeof capacity === 'number' && capacity > 0 && capacity <= 1))
      throw new InputError(
        `settings.json, ${name}.capacity: a share of the keys, above 0 and at most 1`,
      );
    const [ttlMs, tickMs] = [ms(ttl, `${name}.ttl`), ms(tick, `${name}.tick`)];
    return { ttl, tick, capacity, ttlMs, tickMs };
  };
}

function parsed(text) {
  try {
    return JSON.parse(text);
  } catch (error) {
    throw new InputError(`settings.json: ${error.message}`, { cause: error });
  }
}

function ms(text, what) {
  const [, number, unit] = /^(\d+(?:\.\d+)?)(ms|s|m|h|d)$/.exec(String(text)) ?? [];
  if (!(Number(number) > 0))
    throw new InputError(
      `settings.json, ${what}: ${JSON.stringify(text)} is no duration such as "300s"`,
    );
  return Number(number) * UNITS[unit];
}

const isObject = (value) => typeof value === 'object' && value !== null && !Array.isArray(value);
