/** The tier's own connections: when a server counts as lost. */
import { beforeEach, describe, expect, it } from 'vitest';
import type { Pool, PoolClient } from 'pg';
import { Database } from '../../src/tiers/database/pool.js';
import { FakeClock } from '../../src/testing/fake-clock.js';

const settled = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

/** A pool whose connections come when the test says so. */
class Scripted {
  readonly waiting: ((client: PoolClient) => void)[] = [];
  released = 0;

  on(): this {
    return this;
  }

  connect(): Promise<PoolClient> {
    return new Promise((resolve) => this.waiting.push(resolve));
  }

  /** The longest that waits gets one. */
  grant(): void {
    const client = {
      query: () => Promise.resolve({ rows: [{ one: 1 }] }),
      release: () => void this.released++,
    };
    this.waiting.shift()!(client as unknown as PoolClient);
  }
}

let clock: FakeClock;
let pool: Scripted;
let database: Database;
let states: boolean[];
beforeEach(async () => {
  clock = new FakeClock();
  pool = new Scripted();
  states = [];
  const options = { poolSize: 4, migrate: false, poolerMode: true, schema: 's', table: 't' };
  database = new Database(
    options as never,
    clock,
    () => Promise.resolve(),
    (up) => states.push(up),
    () => pool as unknown as Pool,
  );
  await database.open();
  expect(states).toEqual([true]);
});

const ask = (): Promise<unknown> => database.query('select 1', []);

describe('a connection that does not come in time', () => {
  it('means that the server is gone', async () => {
    const asked = ask();
    asked.catch(() => undefined);
    await settled();
    clock.advance(1_000);
    await expect(asked).rejects.toThrow('no connection within 1000 ms');
    expect(states).toEqual([true, false]);
    expect(database.trouble).toEqual({ reason: 'not reachable' });
  });

  it('means nothing where the server answers others meanwhile', async () => {
    const [first, second] = [ask(), ask()];
    second.catch(() => undefined);
    await settled();
    pool.grant();
    await expect(first).resolves.toEqual([{ one: 1 }]);
    clock.advance(1_000);
    await expect(second).rejects.toMatchObject({ code: 'CACHE_TIER_UNAVAILABLE' });
    expect(states).toEqual([true]);
  });

  it('is given back when it comes after all', async () => {
    const asked = ask();
    asked.catch(() => undefined);
    await settled();
    clock.advance(1_000);
    await expect(asked).rejects.toThrow();
    pool.grant();
    await settled();
    expect(pool.released).toBe(1);
  });
});
