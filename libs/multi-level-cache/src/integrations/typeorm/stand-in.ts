/**
 * Answers the next run of one query on one runner. TypeORM hands its provider JSON text only, which loses binary and bigint
 * values and the types of parameters; the runner gets and gives them as they are.
 */
import type { QueryResult, QueryRunner } from 'typeorm';

type Run = (sql: string, parameters?: unknown[], structured?: boolean) => Promise<unknown>;

/** Gives the rows of a query; `run` asks the database. */
export type Answer = (
  sql: string,
  parameters: readonly unknown[],
  run: () => Promise<QueryResult<unknown>>,
) => Promise<QueryResult<unknown>>;

interface Waiting {
  /** As TypeORM names a query to its provider. */
  readonly id: string;
  readonly answer: Answer;
}

const waiting = new WeakMap<QueryRunner, Waiting[]>();

/** `answer` stands in for the next query of that `id`; other queries of the runner pass. */
export function standIn(runner: QueryRunner, id: string, answer: Answer): void {
  const list = waiting.get(runner);
  if (list) list.push({ id, answer });
  else install(runner, [{ id, answer }]);
}

function install(runner: QueryRunner, list: Waiting[]): void {
  waiting.set(runner, list);
  const target = runner as unknown as { query?: Run };
  const own = Object.getOwnPropertyDescriptor(target, 'query');
  const real = target.query!;
  const standing: Run = (sql, parameters = [], structured = false) => {
    const at = structured ? list.findIndex(({ id }) => id === nameOf(sql, parameters)) : -1;
    if (at < 0) return real.call(runner, sql, parameters, structured);
    const [{ answer }] = list.splice(at, 1);
    if (list.length === 0) uninstall();
    const run = (): Promise<unknown> => real.call(runner, sql, parameters, true);
    return answer(sql, parameters, run as () => Promise<QueryResult<unknown>>);
  };
  const uninstall = (): void => {
    waiting.delete(runner);
    // Somebody who has wrapped it since keeps what he wrapped: it lets everything pass.
    if (target.query !== standing) return;
    if (own) Object.defineProperty(target, 'query', own);
    else delete target.query;
  };
  target.query = standing;
}

/** As `SelectQueryBuilder` spells it. */
function nameOf(sql: string, parameters: readonly unknown[]): string {
  const text = JSON.stringify(parameters, (_name, value: unknown) =>
    typeof value === 'bigint' ? value.toString() : value,
  );
  return `${sql} -- PARAMETERS: ${text}`;
}

/**
 * Rows as TypeORM is to get them. It spells them as JSON for its provider, which costs time and fails on a bigint: this once
 * they spell as nothing.
 */
export function handOver(rows: unknown): QueryResult<unknown> {
  if (Array.isArray(rows)) {
    Object.defineProperty(rows, 'toJSON', {
      configurable: true,
      value: () => {
        delete (rows as { toJSON?: unknown }).toJSON;
        return null;
      },
    });
  }
  const affected = Array.isArray(rows) ? rows.length : 0;
  return { raw: rows, records: rows as unknown[], affected };
}
