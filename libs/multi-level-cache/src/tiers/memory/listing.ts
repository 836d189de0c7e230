/** Keys of one partition of L1 by pages, in the order of the table's rows, which no look and no hit changes. */
import type { Clock } from '../../core/clock.js';
import { fromCursor, toCursor } from '../../core/cursor.js';
import type { EntriesPage, EntrySummary } from '../../core/inspection.js';
import type { ListQuery, TierRead } from '../../core/tier.js';
import type { Partition } from './partitions.js';
import { NO_ROW } from './rows.js';
import type { Table } from './table.js';

/** Rows looked at before others have their turn, and in one call. */
const ROWS_A_STEP = 4_096;
const STEPS = 16;
const ROW = /^\d{1,10}$/;

/** What may be another one after every turn of others. */
interface Rows {
  of(): Partition | undefined;
  table(): Table;
  state(row: number): TierRead['state'];
}

/** A page may be empty and have a next one: so much of the table was looked at, and it was all of other partitions. */
export async function listRows(
  rows: Rows,
  { cursor, limit, prefix }: ListQuery,
  clock: Clock,
): Promise<EntriesPage> {
  const [after] = cursor === undefined ? [String(NO_ROW)] : fromCursor(cursor, 'l1', ROW);
  const entries: EntrySummary[] = [];
  let row = Number(after);
  for (let step = 0; step < STEPS; step++) {
    if (step > 0) await clock.turn();
    const partition = rows.of();
    const table = rows.table();
    if (!partition) return { entries };
    const ahead = rowsAhead(partition, table, row);
    for (row of ahead) {
      // A row is another's as soon as its entry has gone.
      if (table.labels[row]?.partition !== partition) continue;
      const found = summaryOf(table, row, rows.state(row), clock.now(), prefix);
      if (found) entries.push(found);
      if (entries.length >= limit) return { entries, next: toCursor('l1', String(row)) };
    }
    if (ahead.length < ROWS_A_STEP) return { entries };
  }
  return { entries, next: toCursor('l1', String(row)) };
}

/** The next rows that may be the partition's: its own, where they are few, else those of the table. */
function rowsAhead(partition: Partition, table: Table, after: number): readonly number[] {
  if (partition.rows.size < ROWS_A_STEP)
    return Array.from(partition.rows.values())
      .filter((row) => row > after)
      .sort((a, b) => a - b);
  const length = Math.min(Math.max(table.rows.end - after - 1, 0), ROWS_A_STEP);
  return Array.from({ length }, (_none, at) => after + 1 + at);
}

function summaryOf(
  table: Table,
  row: number,
  state: TierRead['state'],
  now: number,
  prefix: string,
): EntrySummary | undefined {
  const key = table.keys[row]!;
  if ((state !== 'fresh' && state !== 'stale') || !key.startsWith(prefix)) return undefined;
  const ttlMs = state === 'fresh' ? Math.ceil(table.freshUntil[row] - now) : 0;
  return { key, state, ttlMs, bytes: table.bytes[row] };
}
