/** A process that changes a row, commits, and is killed before it can invalidate what depends on that row. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import pg from 'pg';
import { expect } from 'vitest';

/** The rows that such processes change: keys with a number, which each adds one to. */
export class Things {
  static async create(database: string): Promise<Things> {
    const things = new Things(database, new pg.Pool({ connectionString: database, max: 4 }));
    await things.pool.query('create table thing (key text primary key, value int not null)');
    return things;
  }

  private constructor(
    readonly database: string,
    readonly pool: pg.Pool,
  ) {}

  async add(key: string): Promise<void> {
    await this.pool.query('insert into thing values ($1, 1)', [key]);
  }

  async valueOf(key: string): Promise<number> {
    const { rows } = await this.pool.query<{ value: number }>(
      'select value from thing where key = $1',
      [key],
    );
    return rows[0].value;
  }

  /** What nobody has made yet. */
  async owed(): Promise<number> {
    const { rows } = await this.pool.query<{ n: number }>(
      'select count(*)::int n from mlcache.outbox',
    );
    return rows[0].n;
  }

  /** Resolves when the process is dead, and has committed. */
  async commitAndDie(
    where: { readonly namespace: string; readonly redis: string | undefined },
    key: string,
  ): Promise<void> {
    const script = fileURLToPath(new URL('../faults/fixtures/commit-and-die.mjs', import.meta.url));
    const argument = { ...where, database: this.database, key };
    const child = spawn(process.execPath, [script, JSON.stringify(argument)], {
      stdio: ['ignore', 'ignore', 'inherit'],
    });
    const [, signal] = (await once(child, 'exit')) as [number | null, string | null];
    expect(signal).toBe('SIGKILL');
    expect(await this.valueOf(key)).toBe(2);
  }

  stop(): Promise<void> {
    return this.pool.end();
  }
}
