/** What `warm` was asked for, checked. */
import { invalid } from '../core/entry-options.js';
import { assertKey, type Scope } from '../core/key.js';
import { PRIORITIES, type Priority } from '../warming/plan.js';
import type { WarmOptions } from './cache-manager.js';
import { groupOf } from './write-verbs.js';

const KNOWN = ['patterns', 'keys', 'methods', 'priority', 'budget'];

export interface WarmWish {
  readonly keys: readonly string[];
  /** `*` = every key. */
  readonly groups: readonly string[];
  readonly methods: ReadonlySet<string>;
  readonly budget: number;
  readonly priority: Priority;
}

/** @throws CacheError `CACHE_OPTION_INVALID`, `CACHE_KEY_INVALID`, `CACHE_PATTERN_UNDECLARED` */
export function readWarm(
  options: WarmOptions,
  scope: Scope,
  calls: { knowsMethod(method: string): boolean },
): WarmWish {
  if (typeof options !== 'object' || options === null)
    throw invalid('options', 'must be an object with patterns, keys or methods');
  const unknown = Object.keys(options).find((name) => !KNOWN.includes(name));
  if (unknown !== undefined) throw invalid(unknown, `is unknown; known are ${KNOWN.join(', ')}`);
  const {
    patterns = [],
    keys = [],
    methods = [],
    budget = Infinity,
    priority = 'normal',
  } = options;
  if (!Array.isArray(patterns)) throw invalid('patterns', 'must be a list of texts');
  if (!Array.isArray(keys)) throw invalid('keys', 'must be a list of texts');
  keys.forEach(assertKey);
  if (!Array.isArray(methods)) throw invalid('methods', 'must be a list of texts');
  if (methods.some((method) => typeof method !== 'string' || !calls.knowsMethod(method)))
    throw invalid(
      'methods',
      "names a method that is not known; allowed: 'Class#method' of a provider's @Cached method",
    );
  if (!PRIORITIES.includes(priority))
    throw invalid('priority', `is ${typeof priority}; allowed: ${PRIORITIES.join(', ')}`);
  if (budget !== Infinity && !(Number.isInteger(budget) && budget >= 0))
    throw invalid('budget', `is ${typeof budget}; allowed: a whole number of loads`);
  const groups = patterns.map((pattern) => (pattern === '*' ? '*' : groupOf(scope, pattern)));
  return { keys, groups, methods: new Set(methods), budget, priority };
}

/** Whether a key belongs to a group, as `invalidatePattern` means it. */
export function inGroup(key: string, group: string): boolean {
  return group === '*' || key.startsWith(`${group}:`);
}
