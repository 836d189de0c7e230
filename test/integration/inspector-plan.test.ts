/** The statements that list rows of PostgreSQL: along an index, also behind row-level security and before anybody has analyzed the table. */
import pg from 'pg';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { poolConfig } from '../../libs/multi-level-cache/src/tiers/database/connection.js';
import { ORDERED } from '../../libs/multi-level-cache/src/tiers/database/scoped-query.js';
import { names, statements } from '../../libs/multi-level-cache/src/tiers/database/sql.js';
import { L3 } from '../support/options.js';
import { walledDatabase, type WalledDatabase } from '../support/walled-database.js';

const NAMESPACE = 'plans';
const TENANT = `${NAMESPACE}/t:a`;
const ROWS = 30_000;

let database: WalledDatabase;
beforeAll(async () => {
  database = await walledDatabase();
  await database.admit(NAMESPACE);
  await database.owner.query(
    `insert into mlcache.entry (tenant, key_hash, value, ver, seen, tl, tags, created_at, expires_at, stale_until, expiry_bucket, name)
     select '${NAMESPACE}/t:' || (array['a', 'b', 'c'])[1 + at % 3], decode(md5(at::text), 'hex'), 'x', 1, 0, 'tl', '{}',
       now(), now(), now(), 0, 'default:k' || lpad(at::text, 6, '0') from generate_series(1, ${ROWS}) as at`,
  );
  await database.owner.query(
    `insert into mlcache.tag (tenant, tag, hard, bumped_at)
     select '${NAMESPACE}/t:' || at % 50, 'tag' || at, 1, now() from generate_series(1, 5000) as at`,
  );
}, 60_000);
afterAll(() => database.end());

interface Node {
  readonly 'Node Type': string;
  readonly 'Index Name'?: string;
  readonly 'Index Cond'?: string;
  readonly 'Relation Name'?: string;
  readonly 'Actual Rows'?: number;
  readonly 'Rows Removed by Filter'?: number;
  readonly Plans?: readonly Node[];
}

const nodesOf = (node: Node): Node[] => [node, ...(node.Plans ?? []).flatMap(nodesOf)];

async function planOf(
  text: string,
  types: string,
  values: string,
  walled: boolean,
): Promise<Node[]> {
  const url = walled ? database.url : database.ownerUrl;
  const client = new pg.Client(poolConfig({ ...L3, url, rowSecurity: walled }));
  await client.connect();
  try {
    // As the tier does: both in one transaction.
    await client.query('begin');
    await client.query(ORDERED.text, [TENANT]);
    await client.query(`prepare listing (${types}) as ${text}`);
    const { rows } = await client.query<{ 'QUERY PLAN': readonly [{ readonly Plan: Node }] }>(
      `explain (analyze, format json) execute listing (${values})`,
    );
    return nodesOf(rows[0]['QUERY PLAN'][0].Plan);
  } finally {
    await client.end();
  }
}

const sql = statements(names('mlcache', 'entry'), false, true);

describe.each([
  ['without row-level security', false],
  ['behind row-level security', true],
])('%s', (_name, walled) => {
  it.each(['never analyzed', 'analyzed'])(
    'a page looks at its own rows alone, in a table %s',
    async (how) => {
      if (how === 'analyzed') await database.owner.query('analyze mlcache.entry');
      const values = `'${TENANT}', 'default:k02', 'default:k020500', 'default:k02\u007f', 50`;
      const plan = await planOf(sql.list, 'text, text, text, text, int', values, walled);
      const scans = plan.filter((node) => node['Relation Name'] === 'entry');
      expect(scans).toHaveLength(1);
      expect(scans[0]['Node Type']).toBe('Index Scan');
      expect(scans[0]['Index Name']).toContain('name');
      expect(scans[0]['Index Cond']).toMatch(/tenant = .*name >= .*name > .*name < /s);
      expect(scans[0]['Actual Rows']).toBe(50);
      expect(scans[0]['Rows Removed by Filter'] ?? 0).toBe(0);
    },
  );

  it('tags are found by their key', async () => {
    const plan = await planOf(
      sql.tagNumbers,
      'text, text',
      `'${TENANT}', 'tag1\u001ftag51'`,
      walled,
    );
    const scans = plan.filter((node) => node['Relation Name'] === 'tag');
    expect(scans.map((node) => node['Node Type'])).toEqual([expect.stringMatching(/Index|Bitmap/)]);
  });
});
