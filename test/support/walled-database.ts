/** A database whose tables are walled off by row-level security, and a user of one application that is on the one side of them. */
import { randomBytes } from 'node:crypto';
import pg from 'pg';
import { rowSecurity } from '../../libs/multi-level-cache/src/index.js';
import { migrate } from '../../libs/multi-level-cache/src/tiers/database/migrations.js';
import { L3 } from './options.js';
import { freshDatabase } from './servers.js';

export interface WalledDatabase {
  /** As the owner of everything, whom nothing keeps out. */
  readonly owner: pg.Client;
  readonly role: string;
  readonly ownerUrl: string;
  /** For the application's user. */
  readonly url: string;
  /** Lets the user in to one more application's rows. */
  admit(namespace: string): Promise<void>;
  end(): Promise<void>;
}

export async function walledDatabase(): Promise<WalledDatabase> {
  const ownerUrl = await freshDatabase();
  const owner = new pg.Client({ connectionString: ownerUrl });
  await owner.connect();
  await migrate(owner, { ...L3 });
  const role = `app_${randomBytes(6).toString('hex')}`;
  await owner.query(`create role ${role} login password 'secret'`);
  const url = Object.assign(new URL(ownerUrl), { username: role, password: 'secret' }).href;
  const admit = async (namespace: string): Promise<void> => {
    for (const sql of rowSecurity({ namespace, role })) await owner.query(sql);
  };
  return { owner, ownerUrl, role, url, admit, end: () => owner.end() };
}
