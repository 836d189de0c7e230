/** What single options must look like: the rules that validate-options.ts applies. */
import { DURATION_FORM, parseDuration } from '../core/duration.js';
import { NAME_PATTERN, textFault } from '../core/key.js';
import type {
  DataSourceLike,
  RedisClientLike,
  RedisCredentials,
  RedisNode,
} from '../core/options.js';
import type { Placement } from '../core/placement.js';
import type { Predictor } from '../core/predictor.js';
import type { EntryScope } from '../core/security.js';
import { parseSize, SIZE_FORM } from '../core/size.js';
import type { Rule } from './faults.js';

// Node turns longer timers into timers of 1 ms.
const LONGEST_TIMER_MS = 2 ** 31 - 1;
// Room for the suffixes of index and function names within PostgreSQL's 63 bytes.
const IDENTIFIER = /^[A-Za-z_][A-Za-z0-9_]{0,39}$/;

export const NAME: Rule<string> = {
  read: (value) => (typeof value === 'string' && NAME_PATTERN.test(value) ? value : undefined),
  allowed: '1 to 64 characters out of A-Z a-z 0-9 . _ -',
};

export const DURATION: Rule<number> = { read: parseDuration, allowed: DURATION_FORM };

export const POSITIVE_DURATION: Rule<number> = {
  read: (value) => {
    const ms = parseDuration(value);
    return ms !== undefined && ms > 0 ? ms : undefined;
  },
  allowed: `above 0, ${DURATION_FORM}`,
};

/** A duration that a timer counts. */
export const TIMER: Rule<number> = timer((ms) => ms >= 0, 'at most 24 days');
export const POSITIVE_TIMER: Rule<number> = timer((ms) => ms > 0, 'above 0 and at most 24 days');

export const SIZE: Rule<number> = { read: parseSize, allowed: SIZE_FORM };

export const BOOLEAN: Rule<boolean> = {
  read: (value) => (typeof value === 'boolean' ? value : undefined),
  allowed: 'true, false',
};

/** Never shown: hosts, user names and passwords. */
export const SECRET_TEXT: Rule<string> = {
  read: (value) => (typeof value === 'string' && value !== '' ? value : undefined),
  allowed: 'a text that is not empty',
  secret: true,
};

export const IDENTIFIER_NAME: Rule<string> = {
  read: (value) => (typeof value === 'string' && IDENTIFIER.test(value) ? value : undefined),
  allowed: '1 to 40 characters out of A-Z a-z 0-9 _, no digit first',
};

export const TLS: Rule<boolean | Readonly<Record<string, unknown>>> = {
  read: (value) =>
    typeof value === 'boolean' ||
    (typeof value === 'object' && value !== null && !Array.isArray(value))
      ? (value as boolean | Readonly<Record<string, unknown>>)
      : undefined,
  allowed: "true, false or an object of settings for Node's tls.connect",
  secret: true,
};

export const DATA_SOURCE: Rule<DataSourceLike> = {
  read: (value) => {
    const type = (value as Partial<DataSourceLike> | null)?.options?.type;
    return type === 'postgres' ? (value as DataSourceLike) : undefined;
  },
  allowed: "a TypeORM DataSource of type 'postgres'",
};

/** A whole number in a range. */
export function wholeNumber(from: number, to: number): Rule<number> {
  return {
    read: (value) =>
      Number.isSafeInteger(value) && (value as number) >= from && (value as number) <= to
        ? (value as number)
        : undefined,
    allowed: `a whole number from ${from} to ${to}`,
  };
}

/** A URL of one of these schemes; never shown. */
export function url(...schemes: readonly string[]): Rule<string> {
  return {
    read: (value) =>
      typeof value === 'string' && URL.canParse(value) && schemes.includes(new URL(value).protocol)
        ? value
        : undefined,
    allowed: `a URL that starts with ${schemes.map((scheme) => `${scheme}//`).join(' or ')}`,
    secret: true,
  };
}

function timer(fits: (ms: number) => boolean, range: string): Rule<number> {
  return {
    read: (value) => {
      const ms = parseDuration(value);
      return ms !== undefined && fits(ms) && ms <= LONGEST_TIMER_MS ? ms : undefined;
    },
    allowed: `${range}, ${DURATION_FORM}`,
  };
}

export const SHARE: Rule<number> = {
  read: (value) => (typeof value === 'number' && value >= 0 && value <= 1 ? value : undefined),
  allowed: 'a number from 0 to 1',
};

export const EVICTION = oneOf('lru', 's3-fifo');
export const ISOLATION = oneOf('freeze', 'clone', 'share');
export const PROFILE = oneOf('resilient', 'strict', 'economy');
export const SCOPE: Rule<EntryScope> = oneOf('public', 'tenant', 'user');
export const TENANCY = oneOf('off', 'optional', 'required');
export const AUDIT_MODE = oneOf('best-effort', 'strict');
export const CONSISTENCY = oneOf('eventual', 'strong', 'local');
const FORESIGHT = ['begin', 'observe', 'forget', 'score'] as const;

export const PREDICTOR = {
  read: (value: unknown): Predictor | undefined => {
    const predictor = value as Partial<Predictor> | null | undefined;
    const whole = FORESIGHT.every((name) => typeof predictor?.[name] === 'function');
    return whole ? (predictor as Predictor) : undefined;
  },
  allowed: `an object with the methods ${FORESIGHT.join(', ')}`,
};

export const FAILOVER = oneOf('warm', 'cold');

const QUESTIONS = ['skipsRead', 'skipsFill', 'skipsPromotion'] as const;

export const PLACEMENT: Rule<false | Placement> = {
  read: (value) => {
    if (value === false) return value;
    const placement = value as Partial<Placement> | null | undefined;
    const whole = QUESTIONS.every((name) => typeof placement?.[name] === 'function');
    return whole ? (placement as Placement) : undefined;
  },
  allowed: `false or an object with the methods ${QUESTIONS.join(', ')}`,
};

export const FALSE: Rule<boolean> = {
  // Left on is not said: only `false` has a meaning here.
  read: (value) => (value === false ? value : undefined),
  allowed: 'false, or leaving it out',
};

export const GROUPS: Rule<readonly string[]> = {
  read: (value) =>
    Array.isArray(value) && value.every(isGroup) ? [...new Set(value as string[])] : undefined,
  allowed: "a list of key groups such as 'user:profile', without * and without a : at either end",
};

export const REDIS_NODES: Rule<readonly RedisNode[]> = {
  read: (value) =>
    Array.isArray(value) && value.length > 0 && value.every(isNode)
      ? (value as RedisNode[])
      : undefined,
  allowed: 'a list of { host, port }',
  secret: true,
};

export const REDIS_CLIENT: Rule<RedisClientLike> = {
  read: (value) => {
    const client = value as Partial<RedisClientLike> | null;
    return typeof client === 'object' && typeof client?.duplicate === 'function'
      ? (client as RedisClientLike)
      : undefined;
  },
  allowed: 'an ioredis Redis or Cluster',
  secret: true,
};

/** A function of the application's; never shown, for a secret may stand in its place. */
export function callback<T extends (...args: never[]) => unknown>(does: string): Rule<T> {
  return {
    read: (value) => (typeof value === 'function' ? (value as T) : undefined),
    allowed: `a function that ${does}`,
    secret: true,
  };
}

export const CREDENTIALS: Rule<() => RedisCredentials | Promise<RedisCredentials>> = callback(
  'returns { username, password }',
);

function oneOf<const T extends string>(...names: readonly T[]): Rule<T> {
  return {
    read: (value) => ((names as readonly unknown[]).includes(value) ? (value as T) : undefined),
    allowed: names.map((name) => `'${name}'`).join(', '),
  };
}

function isGroup(value: unknown): boolean {
  return (
    typeof value === 'string' &&
    textFault(value) === undefined &&
    !value.includes('*') &&
    !value.startsWith(':') &&
    !value.endsWith(':')
  );
}

function isNode(value: unknown): boolean {
  const { host, port } = (value ?? {}) as Partial<RedisNode>;
  return typeof host === 'string' && host !== '' && Number.isInteger(port) && port! > 0;
}

/** Tag records are kept a day longer than any row may live. */
export const MAX_AGE: Rule<number> = {
  read: (value) => {
    const ms = parseDuration(value);
    return ms !== undefined && ms > 0 && ms <= 30 * 86_400_000 ? ms : undefined;
  },
  allowed: `above 0 and at most '30d', ${DURATION_FORM}`,
};
