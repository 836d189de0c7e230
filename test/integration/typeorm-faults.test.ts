/** What TypeORM's own query-result cache gets wrong, and this one does not: the same steps on both. */
import { randomBytes } from 'node:crypto';
import type { DataSource, DataSourceOptions, EntityManager } from 'typeorm';
import { afterEach, describe, expect, it } from 'vitest';
import { closeCaches } from '../support/cache.js';
import { redisUrl } from '../support/servers.js';
import { bind, closeSources, shaped, testSource, Town } from '../support/typeorm.js';

afterEach(async () => {
  await closeSources();
  await closeCaches();
});

const redis = (): DataSourceOptions['cache'] => {
  const { hostname: host, password, port, username } = new URL(redisUrl());
  const options = { host, password, port: Number(port), ...(username ? { username } : {}) };
  return { type: 'ioredis', options, duration: 60_000 };
};

interface Steps<T> {
  (source: DataSource, runAs: <R>(tenant: string, work: () => R) => R): Promise<T>;
}

/** The same steps on a database each, with the same rows. */
async function onBoth<T>(
  steps: Steps<T>,
  cache: DataSourceOptions['cache'] = { type: 'database', duration: 60_000 },
): Promise<{ own: T; ours: T }> {
  const own = await testSource({ cache });
  const ours = await testSource();
  const made = await shaped('l1+l2+l3');
  bind(ours, made);
  for (const source of [own, ours]) {
    await source.getRepository(Town).insert([
      { id: 1, name: 'Ulm', crest: Buffer.from([1, 2, 255]), founded: new Date(5) },
      { id: 3, name: 'Aalen' },
    ]);
  }
  return {
    own: await steps(own, (_tenant, work) => work()),
    ours: await steps(ours, (tenantId, work) => made.cache.runAs({ tenantId }, work)),
  };
}

async function nameOf({ manager }: { manager: EntityManager }): Promise<string | undefined> {
  return (await manager.findOne(Town, { where: { id: 1 }, cache: true }))?.name;
}

describe('TypeORM’s own provider has the fault, this one does not', () => {
  it('(a) a find in a transaction gives the row as it was before the transaction wrote it', async () => {
    const result = await onBoth(async (source) => {
      await nameOf(source);
      return source.transaction(async (manager) => {
        await manager.update(Town, 1, { name: 'new' });
        return nameOf({ manager });
      });
    });
    expect(result).toEqual({ own: 'Ulm', ours: 'new' });
  });

  it('(b) a find in a transaction leaves rows in the cache that were never committed', async () => {
    const result = await onBoth(async (source) => {
      const undone = source.transaction(async (manager) => {
        await manager.update(Town, 1, { name: 'never' });
        await nameOf({ manager });
        throw new Error('undo');
      });
      await expect(undone).rejects.toThrow('undo');
      return nameOf(source);
    }, redis());
    expect(result).toEqual({ own: 'never', ours: 'Ulm' });
  });

  it('(c) two queries with one id give each other’s rows', async () => {
    const result = await onBoth(async (source) => {
      const find = (id: number): Promise<Town | null> =>
        source.manager.findOne(Town, {
          where: { id },
          cache: { id: 'town', milliseconds: 60_000 },
        });
      await find(1);
      return (await find(3))?.id;
    });
    expect(result).toEqual({ own: 1, ours: 3 });
  });

  it('(d) binary columns come back as something else', async () => {
    const result = await onBoth(async (source) => {
      await source.manager.findOne(Town, { where: { id: 1 }, cache: true });
      const again = await source.manager.findOne(Town, { where: { id: 1 }, cache: true });
      return Buffer.isBuffer(again?.crest) && again.crest.equals(Buffer.from([1, 2, 255]));
    });
    expect(result).toEqual({ own: false, ours: true });
  });

  describe('(e) one tenant gets another’s rows', () => {
    it('where each has a schema in the search path', async () => {
      const result = await onBoth(async (source) => {
        const names: unknown[] = [];
        for (const tenant of ['a', 'b']) {
          await source.query(`create schema ${tenant}`);
          await source.query(`create table ${tenant}.town (like public.town including all)`);
          await source.query(
            `insert into ${tenant}.town (id, name, version) values (1, 'of ${tenant}', 1)`,
          );
          const runner = source.createQueryRunner();
          await runner.query(`SET search_path TO ${tenant}, public`);
          names.push(await nameOf(runner));
          await runner.query('RESET search_path');
          await runner.release();
        }
        return names;
      });
      expect(result).toEqual({ own: ['of a', 'of a'], ours: ['of a', 'of b'] });
    });

    it.each(['a role', 'a setting'])('where policies look at %s', async (what) => {
      const role = (tenant: string): string => `${tenant}_${randomBytes(4).toString('hex')}`;
      const result = await onBoth(async (source) => {
        const roles = { a: role('a'), b: role('b') };
        for (const one of Object.values(roles)) {
          await source.query(`create role ${one}`);
          await source.query(`grant select on town to ${one}`);
        }
        await source.query('alter table town enable row level security');
        await source.query('alter table town force row level security');
        await source.query(
          what === 'a role'
            ? `create policy mine on town using (name = case current_user when '${roles.a}' then 'Ulm' else 'Aalen' end)`
            : `create policy mine on town using (name = current_setting('app.tenant', true))`,
        );
        const names: unknown[] = [];
        for (const tenant of ['a', 'b'] as const) {
          const runner = source.createQueryRunner();
          await runner.query(`SET ROLE ${roles[tenant]}`);
          const setting = tenant === 'a' ? 'Ulm' : 'Aalen';
          await runner.query("select set_config('app.tenant', $1, $2)", [setting, false]);
          names.push((await runner.manager.find(Town, { cache: true })).map(({ name }) => name));
          await runner.query('RESET ALL');
          await runner.query('RESET ROLE');
          await runner.release();
        }
        for (const one of Object.values(roles))
          await source.query(`drop owned by ${one}; drop role ${one}`);
        return names;
      }, redis());
      expect(result).toEqual({ own: [['Ulm'], ['Ulm']], ours: [['Ulm'], ['Aalen']] });
    });

    it('where the application knows for whom it asks', async () => {
      const result = await onBoth(async (source, runAs) => {
        // A pool that gives every tenant a connection of its own, behind one DataSource, as a proxy does.
        await runAs('a', () => nameOf(source));
        await source.query("update town set name = 'of b' where id = 1");
        return runAs('b', () => nameOf(source));
      });
      expect(result).toEqual({ own: 'Ulm', ours: 'of b' });
    });
  });
});
