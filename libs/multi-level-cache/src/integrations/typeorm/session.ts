/**
 * Settings of a database session that a program made by statements: role, search path, what policies look at. They are seen as
 * they are made, so that no query has to ask for them.
 */
import type { AfterQueryEvent, QueryRunner } from 'typeorm';

/** What was set, by name. */
type Settings = ReadonlyMap<string, string>;

/** By runner, and by connection: it goes back to the pool with its settings. */
const known = new WeakMap<object, Settings>();
const NONE: Settings = new Map();

const CHANGES = /^\s*(?:set|reset|discard)\s/i;
/** These end with their transaction. */
const LOCAL = /^\s*set\s+(?:local|transaction|constraints)\s/i;
const ALL = /^\s*(?:reset\s+all|discard\s+all)\s*;?\s*$/i;
const RESET = /^\s*reset\s+([\w.]+)\s*;?\s*$/i;
const ROLE =
  /^\s*set\s+(?:session\s+)?(role|session\s+authorization|time\s+zone)\s+([^;]+?)\s*;?\s*$/i;
const SET = /^\s*set\s+(?:session\s+)?([\w.]+)\s*(?:=|\sto\s)\s*([^;]+?)\s*;?\s*$/i;
const FUNCTION = /\bset_config\s*\(/gi;
const CALL =
  /\bset_config\s*\(\s*('[^']*'|\$\d+)\s*(?:::\w+)?,\s*('[^']*'|\$\d+)\s*(?:::\w+)?,\s*(true|false|\$\d+)\s*\)/gi;
/** Stands for a statement that is not understood. */
const UNKNOWN = '?';

/** What was set on this runner, as text; `''` = nothing. */
export function sessionOf(runner: QueryRunner): string {
  return spell(known.get(runner));
}

/** What was set on the runner's connection, by whomever. */
export async function sessionOfConnection(runner: QueryRunner): Promise<string> {
  const connection: unknown = await runner.connect();
  return typeof connection === 'object' && connection ? spell(known.get(connection)) : '';
}

/** To be told of every statement. */
export function noteStatement(event: AfterQueryEvent): Promise<void> | undefined {
  const { query, success } = event;
  // No promise for all the others.
  return success && (CHANGES.test(query) || query.includes('set_config')) ? note(event) : undefined;
}

async function note({ parameters, query, queryRunner }: AfterQueryEvent): Promise<void> {
  const connection: unknown = await queryRunner.connect();
  if (typeof connection !== 'object' || !connection) return;
  const settings = new Map(known.get(connection) ?? NONE);
  apply(settings, query, Array.isArray(parameters) ? parameters : []);
  known.set(connection, settings);
  known.set(queryRunner, settings);
}

function apply(settings: Map<string, string>, sql: string, parameters: readonly unknown[]): void {
  if (ALL.test(sql)) return settings.clear();
  if (LOCAL.test(sql)) return;
  const reset = RESET.exec(sql);
  if (reset) return void settings.delete(reset[1].toLowerCase());
  const set = ROLE.exec(sql) ?? SET.exec(sql);
  if (set) return put(settings, set[1], set[2]);
  const calls = [...sql.matchAll(CALL)];
  // More of them than are understood, or another statement altogether.
  if (calls.length === 0 || calls.length !== [...sql.matchAll(FUNCTION)].length)
    return void settings.set(UNKNOWN, UNKNOWN);
  for (const [, ...given] of calls) {
    const [name, value, local] = given.map((one) => String(argument(one, parameters)));
    if (local.toLowerCase() !== 'true') put(settings, name, value);
  }
}

function put(settings: Map<string, string>, name: string, value: string): void {
  const spelled = name.toLowerCase().replace(/\s+/g, ' ');
  if (/^(?:default|none)$/i.test(value)) settings.delete(spelled);
  else settings.set(spelled, value);
}

function argument(given: string, parameters: readonly unknown[]): unknown {
  if (given.startsWith('$')) return parameters[Number(given.slice(1)) - 1];
  return given.startsWith("'") ? given.slice(1, -1) : given;
}

function spell(settings: Settings = NONE): string {
  return settings.size === 0
    ? ''
    : JSON.stringify([...settings].toSorted(([one], [other]) => (one < other ? -1 : 1)));
}
