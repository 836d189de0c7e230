/** What a Redis user of one application must be allowed, and nothing else: the rules of `ACL SETUSER`. Pure. */
import { CacheError } from '../../core/errors.js';
import { encodeSegment, NAME_PATTERN, tenantName, textFault } from '../../core/key.js';
import { SharedKeys } from './session.js';

/** What the library itself asks for: by name from a connection, or from within its scripts. */
const COMMANDS = (
  'evalsha eval get mget getrange set setrange exists incr pexpire del unlink hsetnx hset hmget hlen hgetall hscan hdel ' +
  'xadd xread xrevrange time info client|setname'
).split(' ');
/** What ioredis asks for besides where an option is used. */
const OF_FEATURES = {
  cluster: ['cluster|slots', 'cluster|info', 'readonly'],
  db: ['select'],
  /** Listing entries: SCAN shows the names of all keys of the server. */
  entries: ['scan', 'strlen'],
} as const;
/** Since this version ioredis can say what it is; before it the rule itself is refused. */
const SETINFO_SINCE = [7, 2];
/** The first with rules for channels. */
const OLDEST = [6, 2];

/** What rules are asked for. */
export interface RedisAclOptions {
  /** The application's, as in the module's options. */
  readonly namespace: string;
  /**
   * For a process that works for one tenant only: its id, as in the security context. The user reaches no other tenant's
   * entries and no public ones. What all processes of the application share (numbers, the stream of changes, debts) is shared
   * still: it holds names of keys, no values. @defaultValue every tenant
   */
  readonly tenant?: string;
  /**
   * Options of `l2` that need more: `cluster`, and a `db` other than 0. And `entries`, for `CacheInspector`: with it the user sees the
   * names of all keys in its database, also of other applications, and no value of theirs; not for one tenant alone.
   * @defaultValue none
   */
  readonly features?: readonly (keyof typeof OF_FEATURES)[];
  /** Of the server, as its INFO says, such as `'7.0.15'`. */
  readonly version: string;
}

/**
 * The rules of a Redis user with which the application works, one by one as `ACL SETUSER <name> on ><password> …` takes them.
 * They take away whatever the user had before. Keys of other namespaces are out of reach also within scripts, as are channels and
 * all commands that are not named.
 *
 * @throws CacheError `CACHE_OPTION_INVALID` on a namespace, tenant, feature or version that is none, on a tenant that no rule can
 * name, and on a Redis before 6.2
 *
 * @example
 * const rules = redisAclRules({ namespace: 'shop', version: '7.2.4' });
 * await admin.call('ACL', 'SETUSER', 'shop', 'on', `>${password}`, ...rules);
 */
export function redisAclRules(options: RedisAclOptions): readonly string[] {
  const { namespace, tenant, features = [] } = options;
  if (!NAME_PATTERN.test(namespace)) throw invalid('namespace', 'is not the name of one');
  const version = versionOf(options.version);
  const more = features.flatMap((feature) => {
    if (!Object.hasOwn(OF_FEATURES, feature))
      throw invalid('features', `may hold ${Object.keys(OF_FEATURES).join(', ')}`);
    return OF_FEATURES[feature];
  });
  // No rule bounds whose names it shows.
  if (tenant !== undefined && features.includes('entries'))
    throw invalid('features', 'cannot hold entries beside tenant: it shows names of all tenants');
  const setinfo = isBefore(version, SETINFO_SINCE) ? [] : ['client|setinfo'];
  const commands = [...COMMANDS, ...setinfo, ...more].map((command) => `+${command}`);
  const keys = tenant === undefined ? [`~${namespace}:*`] : keysOf(namespace, tenant);
  return ['resetkeys', ...keys, 'resetchannels', '-@all', ...commands];
}

/** Entries, leases and guards of one tenant, its tags, and what all share. */
function keysOf(namespace: string, tenant: string): string[] {
  const fault = textFault(tenant);
  if (fault) throw invalid('tenant', fault);
  const segment = encodeSegment(tenantName(tenant));
  // Neither a rule nor a pattern can spell them; nothing else in a segment means anything to a pattern.
  if (/[\s\\]/.test(segment))
    throw invalid('tenant', 'holds a space or a backslash, which no rule can name');
  const keys = new SharedKeys(namespace);
  const { sq, ep, stream, rid, debts, probe } = keys;
  const shared = [sq, ep, stream, rid, debts, ...probe, keys.tags(segment)];
  return [`~${namespace}:${segment}:*`, ...shared.map((key) => `~${key}`)];
}

function versionOf(text: unknown): readonly number[] {
  const parts = typeof text === 'string' ? /^(\d+)\.(\d+)(?:\.\d+)*$/.exec(text) : null;
  if (!parts) throw invalid('version', "must be a version such as '7.0.15'");
  const version = [Number(parts[1]), Number(parts[2])];
  if (isBefore(version, OLDEST)) throw invalid('version', 'must be 6.2 or later');
  return version;
}

function isBefore(
  [major, minor]: readonly number[],
  [since, sinceMinor]: readonly number[],
): boolean {
  return major < since || (major === since && minor < sinceMinor);
}

function invalid(name: string, what: string): CacheError {
  return new CacheError('CACHE_OPTION_INVALID', `${name} ${what}`);
}
