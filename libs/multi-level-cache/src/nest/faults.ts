/** Collects what is wrong with the module options, so that one error tells everything. Knows no option by name. */
import { CacheError } from '../core/errors.js';

const SHOWN = /^[\w .%+-]{0,40}$/;

/** How a given value may be shown: never an object's content, nor text that might be a URL or a secret. */
export function show(value: unknown, secret = false): string {
  if (value === null) return 'null';
  if (Array.isArray(value)) return 'a list';
  switch (typeof value) {
    case 'string':
      return secret || !SHOWN.test(value) ? 'a text' : `'${value}'`;
    case 'number':
      return secret ? 'a number' : String(value);
    case 'boolean':
    case 'undefined':
      return String(value);
    case 'object':
      return 'an object';
    case 'bigint':
    case 'function':
    case 'symbol':
    default:
      return `a ${typeof value}`;
  }
}

/** The faults found so far, one line each. */
export class Faults {
  readonly #lines: string[] = [];

  add(path: string, given: string, allowed: string): void {
    this.#lines.push(`${path}: is ${given}; allowed: ${allowed}`);
  }

  /** @throws CacheError `CACHE_CONFIG_INVALID` with one line per fault, if there is any. */
  throwIfAny(subject: string): void {
    const count = this.#lines.length;
    if (count === 0) return;
    const lines = this.#lines.map((line) => `\n  ${line}`).join('');
    throw new CacheError(
      'CACHE_CONFIG_INVALID',
      `${subject} have ${count} fault${count === 1 ? '' : 's'}:${lines}`,
    );
  }
}

/** What an option must be. `read` returns `undefined` for what is not allowed. */
export interface Rule<T> {
  readonly read: (value: unknown) => T | undefined;
  readonly allowed: string;
  /** The value may be a URL, a password or a host and is never shown. */
  readonly secret?: boolean;
}

/** One object of options, read member by member. */
export class Section {
  readonly #values: Readonly<Record<string, unknown>>;
  readonly #known = new Set<string>();

  constructor(
    readonly faults: Faults,
    values: unknown,
    readonly path: string,
  ) {
    const isObject = typeof values === 'object' && values !== null && !Array.isArray(values);
    // In place of an object stands, as a rule, what belongs into it: it may be a secret.
    if (!isObject) faults.add(path || 'options', show(values, true), 'an object');
    this.#values = isObject ? (values as Record<string, unknown>) : {};
  }

  /** The checked value, or `undefined` where it is left out or wrong. */
  optional<T>(name: string, rule: Rule<T>): T | undefined {
    const given = this.given(name);
    if (given === undefined) return undefined;
    const value = rule.read(given);
    if (value === undefined) this.fault(name, show(given, rule.secret), rule.allowed);
    return value;
  }

  /** As it stands, and known from now on. */
  given(name: string): unknown {
    this.#known.add(name);
    return this.#values[name];
  }

  /** An option of the contract that is not built: only what leaves it off passes. */
  notYet(name: string, ...off: readonly (string | number | boolean)[]): void {
    const given = this.given(name);
    if (given === undefined || (off as readonly unknown[]).includes(given)) return;
    const only = off.map((value) => show(value)).join(' or ') || 'leaving it out';
    this.fault(name, show(given, off.length === 0), `not available yet; only ${only} is allowed`);
  }

  fault(name: string, given: string, allowed: string): void {
    this.faults.add(this.path ? `${this.path}.${name}` : name, given, allowed);
  }

  /** Whatever was not asked for by name is a fault; its value may be a misspelt secret. */
  end(): void {
    for (const name of Object.keys(this.#values)) {
      if (this.#known.has(name) || this.#values[name] === undefined) continue;
      this.fault(name, 'an unknown option', `one of ${[...this.#known].toSorted().join(', ')}`);
    }
  }
}
