/** Wrapped secrets of tenants in one hash of Redis, where there is no L3 to keep them. As durable as that Redis is. */
import type { TenantKeyStore } from '../../core/vault.js';
import type { Link } from './link.js';
import { READ_KEYS, SWAP_KEY } from './scripts.js';

const SOME = 1_000;
const START = '0';

export class TenantKeyHash implements TenantKeyStore {
  constructor(readonly link: Link) {}

  async revision(): Promise<string> {
    const { commands, keys } = this.#synced();
    const count = await commands.call(keys.secretsRevision, 'GET', keys.secretsRevision);
    return Buffer.isBuffer(count) ? count.toString() : '0';
  }

  async read(tenants: readonly string[]): Promise<{
    readonly now: number;
    readonly records: readonly (string | undefined)[];
  }> {
    const { commands, keys } = this.#synced();
    const [time, ...records] = (await commands.run(
      READ_KEYS,
      [keys.secrets],
      tenants,
    )) as (Buffer | null)[];
    return {
      now: Number(time),
      records: records.map((record) => (record === null ? undefined : String(record))),
    };
  }

  async swap(tenant: string, old: string | undefined, record: string): Promise<boolean> {
    const { commands, keys } = this.#synced();
    const names = [keys.secrets, keys.secretsRevision];
    return (await commands.run(SWAP_KEY, names, [tenant, old ?? '', record])) === 1;
  }

  async tenants(
    after = START,
  ): Promise<{ readonly tenants: readonly string[]; readonly end: string | undefined }> {
    const { commands, keys } = this.#synced();
    const reply = await commands.call(keys.secrets, 'HSCAN', keys.secrets, after, 'COUNT', SOME);
    const [next, flat] = reply as [Buffer, Buffer[]];
    const tenants = flat.filter((_part, at) => at % 2 === 0).map(String);
    return { tenants, end: String(next) === START ? undefined : String(next) };
  }

  /** What a server says that has not been synced with may be of another history. */
  #synced(): Pick<Link, 'commands' | 'keys'> {
    return this.link.session && this.link;
  }
}
