/** Tenants on what TypeORM caches through us, at random: whose results a query gets, and whose a write removes. */
import { beforeEach, afterEach, expect, it } from 'vitest';
import type { DataSource } from 'typeorm';
import type { Cache } from '../../libs/multi-level-cache/src/manager/cache.js';
import { cachedFind, cachedFindOne } from '../../libs/multi-level-cache/src/nest/typeorm.js';
import { closeCaches } from '../support/cache.js';
import { seeded } from '../support/random.mjs';
import { bind, closeSources, shaped, Statements, testSource, Town } from '../support/typeorm.js';

const STEPS = 400;
const TENANTS = ['a', 'b', 'a:b'];

let source: DataSource;
let cache: Cache;
let statements: Statements;

beforeEach(async () => {
  source = await testSource();
  await source.getRepository(Town).save([1, 2].map((id) => ({ id, name: `town ${id}` })));
  cache = bind(source, await shaped('l1+l2', { more: { security: { tenancy: 'required' } } }));
  statements = Statements.of(source);
});

afterEach(async () => {
  await closeSources();
  await closeCaches();
});

const READS: readonly (() => Promise<unknown>)[] = [
  () => source.manager.find(Town, { cache: true }),
  () => source.manager.findOne(Town, { where: { id: 1 }, cache: true }),
  () => cachedFind(source.getRepository(Town), { where: { id: 2 } }),
  () => cachedFindOne(source.getRepository(Town), { where: { id: 1 } }),
];

const WRITES: readonly ((name: string) => Promise<unknown>)[] = [
  (name) => source.getRepository(Town).update({ id: 1 }, { name }),
  (name) => source.getRepository(Town).save({ id: 2, name }),
  (name) =>
    source.transaction((manager) =>
      manager.save(
        Town,
        [1, 2].map((id) => ({ id, name })),
      ),
    ),
];

it('a tenant gets what it has asked for itself, and no write of another removes that', async () => {
  const random = seeded(11);
  const some = <T>(list: readonly T[]): T => list[Math.floor(random() * list.length)];
  /** Reads of a tenant that are answered without the database, until it writes. */
  const known = new Set<string>();
  const ever = new Set<string>();
  let answered = 0;
  for (let step = 0; step < STEPS; step++) {
    const tenantId = some(TENANTS);
    if (random() < 0.1) {
      await cache.runAs({ tenantId }, () => some(WRITES)(`${tenantId} ${step}`));
      for (const name of known) if (name.startsWith(`${tenantId} `)) known.delete(name);
      continue;
    }
    const read = some(READS);
    const name = `${tenantId} ${READS.indexOf(read)}`;
    const before = statements.selects;
    await cache.runAs({ tenantId }, read);
    const asked = statements.selects > before;
    // Of what it has asked for before nothing has gone; of what it has not, nothing is there.
    if (known.has(name) || !ever.has(name))
      expect([step, name, asked]).toEqual([step, name, !ever.has(name)]);
    if (!asked) answered++;
    known.add(name);
    ever.add(name);
  }
  expect(answered).toBeGreaterThan(STEPS / 4);
});

it('a query of nobody asks the database each time, or is refused', async () => {
  const outcome = async (read: () => Promise<unknown>): Promise<string> => {
    const before = statements.selects;
    const code = await read().then(
      () => undefined,
      (error: { code: string }) => error.code,
    );
    return code ?? (statements.selects > before ? 'asked' : 'answered');
  };
  const outcomes: string[] = [];
  for (const read of [...READS, ...READS]) outcomes.push(await outcome(read));
  const [find, findOne, cached, cachedOne] = outcomes;
  expect([find, findOne]).toEqual(['asked', 'asked']);
  expect([cached, cachedOne]).toEqual(['CACHE_CONTEXT_MISSING', 'CACHE_CONTEXT_MISSING']);
  expect(outcomes.slice(4)).toEqual(outcomes.slice(0, 4));
});
