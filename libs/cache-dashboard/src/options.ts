/** The options of the dashboard, and what is allowed in them. */
import type { CanActivate, ModuleMetadata, Type } from '@nestjs/common';
import { CacheError } from 'nestjs-multi-level-cache';

export interface CacheDashboardOptions {
  /** Where it is mounted, below the global prefix. @defaultValue `'ops/cache'` */
  readonly path?: string;
  /**
   * Who may see it: a Nest guard, by its class (provided anywhere in the application, or made here) or as an object. Without one every route answers
   * 403.
   */
  readonly guard?: Type<CanActivate> | CanActivate;
  /** Whether those who see it may also delete, invalidate, expire, warm and probe. @defaultValue false */
  readonly actions?: boolean;
  /** `'redacted'`: types and lengths of a value are shown, never what it says. @defaultValue `'hidden'` */
  readonly values?: 'hidden' | 'redacted';
  /** Modules whose providers the guard's class needs. */
  readonly imports?: ModuleMetadata['imports'];
}

/** What holds, defaults included. */
export interface ResolvedDashboardOptions {
  readonly path: string;
  readonly guard: Type<CanActivate> | CanActivate | undefined;
  readonly actions: boolean;
  readonly values: 'hidden' | 'redacted';
}

/** One segment of a path, without what a router or a browser reads as something else. */
const SEGMENT = /^(?!\.{1,2}$)[A-Za-z0-9._~-]{1,64}$/;
const DEFAULT_PATH = 'ops/cache';

/** What each option must be; `read` gives `undefined` for what is not allowed. */
const RULES = {
  path: {
    read: readPath,
    allowed: 'segments of letters, digits and - . _ ~, such as ops/cache',
  },
  guard: {
    read: readGuard,
    allowed: 'a class with canActivate, or an object with it',
  },
  actions: { read: isBoolean, allowed: 'true or false' },
  values: { read: readValues, allowed: "'hidden' or 'redacted'" },
  imports: { read: readList, allowed: 'a list of modules' },
} as const;

/**
 * Checks the options.
 *
 * @throws CacheError `CACHE_CONFIG_INVALID` with one line per fault
 */
export function readOptions(given: unknown): ResolvedDashboardOptions {
  const faults: string[] = [];
  const isObject = typeof given === 'object' && given !== null && !Array.isArray(given);
  if (!isObject) faults.push(`options: is ${show(given)}; allowed: an object`);
  const values: Readonly<Record<string, unknown>> = isObject ? { ...given } : {};
  const names = Object.keys(RULES);
  for (const name of Object.keys(values))
    if (!names.includes(name) && values[name] !== undefined)
      faults.push(
        `${name.slice(0, 40)}: is an unknown option; allowed: one of ${names.join(', ')}`,
      );
  const read = <K extends keyof typeof RULES>(name: K): ReturnType<(typeof RULES)[K]['read']> => {
    const rule = RULES[name];
    const value = values[name];
    const checked = value === undefined ? undefined : rule.read(value);
    if (value !== undefined && checked === undefined)
      faults.push(`${name}: is ${show(value)}; allowed: ${rule.allowed}`);
    return checked as ReturnType<(typeof RULES)[K]['read']>;
  };
  const [path, guard, actions, shown] = [
    read('path'),
    read('guard'),
    read('actions'),
    read('values'),
  ];
  read('imports');
  if (faults.length > 0) throw invalid(faults);
  return {
    path: path ?? DEFAULT_PATH,
    guard,
    actions: actions ?? false,
    values: shown ?? 'hidden',
  };
}

function invalid(faults: readonly string[]): CacheError {
  const count = faults.length === 1 ? '1 fault' : `${faults.length} faults`;
  return new CacheError(
    'CACHE_CONFIG_INVALID',
    `the options of CacheDashboardModule have ${count}:${faults.map((line) => `\n  ${line}`).join('')}`,
  );
}

/** Texts are not repeated: one in the wrong place may be a secret. */
function show(value: unknown): string {
  if (value === null) return 'null';
  if (Array.isArray(value)) return 'a list';
  if (typeof value === 'object') return 'an object';
  if (typeof value === 'string') return 'a text';
  if (typeof value === 'number' || typeof value === 'boolean') return String(value);
  return typeof value === 'undefined' ? 'left out' : `a ${typeof value}`;
}

function readPath(value: unknown): string | undefined {
  if (typeof value !== 'string' || value.length > 200) return undefined;
  const path = value.replace(/^\//, '').replace(/\/$/, '');
  return path.split('/').every((segment) => SEGMENT.test(segment)) ? path : undefined;
}

function readGuard(value: unknown): Type<CanActivate> | CanActivate | undefined {
  if (typeof value === 'function')
    return canActivate(value.prototype) ? (value as Type<CanActivate>) : undefined;
  return canActivate(value) ? value : undefined;
}

function canActivate(value: unknown): value is CanActivate {
  return (
    typeof value === 'object' &&
    value !== null &&
    'canActivate' in value &&
    typeof value.canActivate === 'function'
  );
}

function isBoolean(value: unknown): boolean | undefined {
  return typeof value === 'boolean' ? value : undefined;
}

function readValues(value: unknown): 'hidden' | 'redacted' | undefined {
  return value === 'hidden' || value === 'redacted' ? value : undefined;
}

function readList(value: unknown): readonly unknown[] | undefined {
  return Array.isArray(value) ? value : undefined;
}
