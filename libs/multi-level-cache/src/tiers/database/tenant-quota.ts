/** Keeps each tenant's rows below its share of the table: those that have written lately are measured, one by one. */
import type { Database } from './pool.js';
import type { Statements } from './sql.js';

/** Tenants that wait to be measured, and how many of them are in a round. */
const MAX_WAITING = 1_000;
const A_ROUND = 20;
const BATCH = 250;
const BATCHES = 40;
/** Below the quota by this much, so that not every write evicts. */
const ROOM = 0.95;

export class TenantQuota {
  readonly #waiting = new Set<string>();

  constructor(
    readonly database: Database,
    readonly sql: Pick<Statements, 'measureTenant' | 'evictOf'>,
    /** Rough bytes. */
    readonly most: number,
    readonly evicted: (rows: number) => void,
  ) {}

  /** A row of this tenant was written; its name as the table has it. */
  wrote(tenant: string): void {
    if (this.#waiting.size < MAX_WAITING) this.#waiting.add(tenant);
  }

  /** Those that wait for longest. */
  async round(): Promise<void> {
    for (const tenant of [...this.#waiting].slice(0, A_ROUND)) {
      this.#waiting.delete(tenant);
      await this.#keep(tenant);
    }
  }

  /** Its own rows go that are soonest to die; what fences younger loads stays. */
  async #keep(tenant: string): Promise<void> {
    const how = { tenants: [tenant] };
    const [{ bytes, rows }] = await this.database.query<{ bytes: number; rows: number }>(
      this.sql.measureTenant,
      [tenant],
      how,
    );
    let over = bytes - this.most;
    if (over <= 0) return;
    over += this.most * (1 - ROOM);
    for (let batches = 0; over > 0 && batches < BATCHES; batches++) {
      const gone = await this.database.query<{ bytes: number }>(
        this.sql.evictOf,
        // No more than it takes, as far as rows are alike.
        [Math.min(Math.ceil((over / bytes) * rows), BATCH), tenant],
        how,
      );
      if (gone.length === 0) return;
      this.evicted(gone.length);
      over -= gone.reduce((sum, { bytes }) => sum + bytes, 0);
    }
  }
}
