/** Wrapped secrets of tenants in the table `tenant_key`; a row of no tenant counts the changes. */
import type { TenantKeyStore } from '../../core/vault.js';
import type { Database } from './pool.js';

const SOME = 1_000;
const URGENT = { urgent: true };
/** No tenant is called so; its record is the number of changes. */
const COUNTER = '';

interface Row {
  readonly tenant: string;
  readonly record: string;
  readonly [column: string]: unknown;
}

export class TenantKeyTable implements TenantKeyStore {
  constructor(
    readonly database: Database,
    /** Name of the application. */
    readonly namespace: string,
    /** Quoted name of the table. */
    readonly table: string,
  ) {}

  async revision(): Promise<string> {
    const [found] = await this.#ask<Row>(
      `select record from ${this.table} where app = $1 and tenant = '${COUNTER}'`,
      [this.namespace],
    );
    return found?.record ?? '0';
  }

  async read(tenants: readonly string[]): Promise<{
    readonly now: number;
    readonly records: readonly (string | undefined)[];
  }> {
    const rows = await this.#ask<{ record: string | null; now: number }>(
      `select k.record, extract(epoch from clock_timestamp())::float8 * 1000 as now
       from unnest($2::text[]) with ordinality as w(tenant, at)
       left join ${this.table} k on k.app = $1 and k.tenant = w.tenant order by w.at`,
      [this.namespace, tenants],
    );
    return { now: rows[0]?.now ?? 0, records: rows.map(({ record }) => record ?? undefined) };
  }

  /** The change and its count are one statement: who sees the one sees the other. */
  async swap(tenant: string, old: string | undefined, record: string): Promise<boolean> {
    const done =
      old === undefined
        ? await this.#ask(
            `insert into ${this.table} (app, tenant, record) values ($1, $2, $3)
             on conflict do nothing returning 1`,
            [this.namespace, tenant, record],
          )
        : await this.#ask(
            `with done as (
               update ${this.table} set record = $4, changed_at = clock_timestamp()
               where app = $1 and tenant = $2 and record = $3 returning 1)
             insert into ${this.table} as k (app, tenant, record) select $1, '${COUNTER}', '1' from done
             on conflict (app, tenant) do update set record = (k.record::bigint + 1)::text returning 1`,
            [this.namespace, tenant, old, record],
          );
    return done.length > 0;
  }

  async tenants(
    after = COUNTER,
  ): Promise<{ readonly tenants: readonly string[]; readonly end: string | undefined }> {
    const rows = await this.#ask<Row>(
      `select tenant from ${this.table} where app = $1 and tenant > $2 order by tenant limit ${SOME}`,
      [this.namespace, after],
    );
    const tenants = rows.map(({ tenant }) => tenant);
    return { tenants, end: tenants.length < SOME ? undefined : tenants.at(-1) };
  }

  #ask<R extends Record<string, unknown>>(text: string, values: readonly unknown[]): Promise<R[]> {
    return this.database.query<R>(text, values, URGENT);
  }
}
