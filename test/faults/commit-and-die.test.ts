/** A process dies between the commit of its transaction and the invalidation: whoever looks into the outbox makes it. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import pg from 'pg';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { closeCaches, testCache, type TestCache } from '../support/cache.js';
import { freshDatabase, freshNamespace, redisUrl } from '../support/servers.js';

/** `TRIALS=200` for more of them. */
const TRIALS = Number(process.env['TRIALS'] ?? 20);
const AT_A_TIME = 2;
/** What is promised from the death of the process on, ms. */
const BOUND = 2_000;

let database: string;
let pool: pg.Pool;

beforeAll(async () => {
  database = await freshDatabase();
  pool = new pg.Pool({ connectionString: database, max: 4 });
  await pool.query('create table thing (key text primary key, value int not null)');
});
afterAll(() => pool.end());
afterEach(closeCaches);

async function valueOf(key: string): Promise<number> {
  const { rows } = await pool.query<{ value: number }>('select value from thing where key = $1', [
    key,
  ]);
  return rows[0].value;
}

/** Resolves when it is dead, and has committed. */
async function commitAndDie(argument: object, key: string): Promise<void> {
  const script = fileURLToPath(new URL('./fixtures/commit-and-die.mjs', import.meta.url));
  const child = spawn(process.execPath, [script, JSON.stringify({ ...argument, key })], {
    stdio: ['ignore', 'ignore', 'inherit'],
  });
  const [, signal] = (await once(child, 'exit')) as [number | null, string | null];
  expect(signal).toBe('SIGKILL');
  expect(await valueOf(key)).toBe(2);
}

describe.each([
  { title: 'L1+L2+L3', redis: () => redisUrl(), trials: TRIALS },
  { title: 'L1+L3', redis: () => undefined, trials: Math.ceil(TRIALS / 5) },
])('$title', ({ redis, trials }) => {
  it(
    `${trials} times: the new value is read on every instance within ${BOUND} ms, and the outbox is empty`,
    async () => {
      const options = { namespace: freshNamespace(), redis: redis(), database };
      const instances = [await testCache(options), await testCache(options)];
      const read = ({ cache }: TestCache, key: string): Promise<number> =>
        cache.getOrSet(key, () => valueOf(key));
      const waits: number[] = [];
      const trial = async (name: string): Promise<void> => {
        await pool.query('insert into thing values ($1, 1)', [name]);
        for (const one of instances) expect(await read(one, name)).toBe(1);
        await commitAndDie(options, name);
        const died = performance.now();
        for (const one of instances)
          await expect.poll(() => read(one, name), { timeout: BOUND, interval: 20 }).toBe(2);
        waits.push(performance.now() - died);
      };
      const names = Array.from({ length: trials }, (_, at) => `${options.namespace}:${at}`);
      const lane = async (): Promise<void> => {
        for (let name = names.pop(); name; name = names.pop()) await trial(name);
      };
      await Promise.all(Array.from({ length: AT_A_TIME }, lane));
      expect(waits).toHaveLength(trials);
      console.log(`seen everywhere after at most ${Math.max(...waits).toFixed(0)} ms`);
      await expect
        .poll(
          () =>
            pool
              .query<{ n: number }>('select count(*)::int n from mlcache.outbox')
              .then(({ rows }) => rows[0].n),
          { timeout: 5_000 },
        )
        .toBe(0);
    },
    60_000 + TRIALS * 3_000,
  );
});
