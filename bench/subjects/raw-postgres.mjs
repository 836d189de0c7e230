// pg by hand: single prepared selects, and reads of one moment as one `= ANY`.
import pg from 'pg';
import { gather } from '../lib/gather.mjs';

const TABLE = 'create table if not exists raw_cache (k text primary key, v text not null)';
const WRITE = {
  name: 'write',
  text: 'insert into raw_cache values ($1, $2) on conflict (k) do update set v = excluded.v',
};
const ONE_ROW = { name: 'one', text: 'select v from raw_cache where k = $1' };
const ROWS = { name: 'many', text: 'select k, v from raw_cache where k = any($1)' };

const single = (pool) => async (key) => {
  const { rows } = await pool.query({ ...ONE_ROW, values: [key] });
  return rows.length > 0 ? JSON.parse(rows[0].v) : undefined;
};

const coalesced = (pool, ways) =>
  gather(ways, async (batch) => {
    const { rows } = await pool.query({ ...ROWS, values: [batch.map(({ ask }) => ask)] });
    const found = new Map(rows.map(({ k, v }) => [k, v]));
    for (const { ask, resolve } of batch) {
      const text = found.get(ask);
      resolve(text === undefined ? undefined : JSON.parse(text));
    }
  });

const subject = (name, connections, get) => ({
  name,
  kind: 'raw',
  package: 'pg',
  tiers: ['l3'],
  async open({ postgresUrl }) {
    const pool = new pg.Pool({ connectionString: postgresUrl, max: connections });
    await pool.query(TABLE);
    return {
      get: get(pool, connections),
      set: (key, value) => pool.query({ ...WRITE, values: [key, JSON.stringify(value)] }),
      close: () => pool.end(),
    };
  },
});

export const SINGLE = 'prepared selects, pool of 4';
export const ANY = 'coalesced = ANY, pool of 2';

export const subjects = [subject(SINGLE, 4, single), subject(ANY, 2, coalesced)];
