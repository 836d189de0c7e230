/**
 * A statement that says for whom it runs. Both are sent at once and end in one transaction, so that it costs no round trip, the
 * setting is nobody else's, and a pooler that lends connections by transaction keeps the two together.
 */
import type pg from 'pg';
import type { Query, QueryConfig } from 'pg';
import { SEPARATOR } from './sql.js';

/** The tenants whose rows a statement may see and write; gone when its transaction ends. */
export const TENANTS_SETTING = 'mlcache.tenants';

/** What is sent before the statement; its parameter are the tenants. */
interface ScopeStatement {
  readonly name: string;
  readonly text: string;
}

const SCOPE: ScopeStatement = {
  name: 'mlc_scope',
  text: `select set_config('${TENANTS_SETTING}', $1, true)`,
};

const WITHOUT = (how: string): string => `set_config('enable_${how}', 'off', true)`;

/**
 * For a statement that reads a few rows in the order of an index. With row-level security the planner expects so few of them that it
 * would gather all that match, and sort them.
 */
export const ORDERED: ScopeStatement = {
  name: 'mlc_scope_ordered',
  text: `${SCOPE.text}, ${['seqscan', 'bitmapscan', 'sort'].map(WITHOUT).join(', ')}`,
};

/** The part of pg's connection that sends messages, as its cursors use it. */
interface Wire {
  /** Texts of prepared statements, by name. */
  readonly parsedStatements: Record<string, string | undefined>;
  parse(message: { name?: string; text: string }): void;
  bind(message: { statement?: string; values: readonly string[] }): void;
  execute(message: object): void;
}

/** The part of pg's query that answers come to. */
type Answered = Query & {
  prepare(wire: Wire): void;
  handleDataRow(message: unknown): void;
  handleCommandComplete(message: unknown, wire: unknown): void;
  requiresPreparation(): boolean;
};

type Callback = (error: Error | undefined, result: { rows: unknown[] }) => void;
type ScopedQuery = new (config: QueryConfig, tenants: string, callback: Callback) => Query;

/** @param named - a connection keeps what it has prepared for as long as it lives. */
export function scopedQueryOf(
  { Query: Base }: Pick<typeof pg, 'Query'>,
  named: boolean,
  scope = SCOPE,
): ScopedQuery {
  const Answering = Base as unknown as new (config: QueryConfig, callback: Callback) => Answered;
  return class extends Answering {
    readonly #tenants: string;
    /** The answer to the setting has come. */
    #scoped = false;

    constructor(config: QueryConfig, tenants: string, callback: Callback) {
      super(config, callback);
      this.#tenants = tenants;
    }

    /** Also what has no parameters goes the way on which several messages are one transaction. */
    override requiresPreparation(): boolean {
      return true;
    }

    override prepare(wire: Wire): void {
      const { name, text } = scope;
      if (!named) wire.parse({ text });
      else if (wire.parsedStatements[name] === undefined) {
        wire.parse({ name, text });
        wire.parsedStatements[name] = text;
      }
      wire.bind({ ...(named ? { statement: name } : {}), values: [this.#tenants] });
      wire.execute({});
      super.prepare(wire);
    }

    override handleDataRow(message: unknown): void {
      if (this.#scoped) super.handleDataRow(message);
    }

    override handleCommandComplete(message: unknown, wire: unknown): void {
      if (this.#scoped) super.handleCommandComplete(message, wire);
      this.#scoped = true;
    }
  };
}

/** Tenants as the setting spells them, each once. */
export function spell(tenants: readonly string[]): string {
  return [...new Set(tenants)].join(SEPARATOR);
}
