/** What would be better otherwise about a Redis that works, by what it says of itself. Pure. */
import type { Advice } from '../../core/inspection.js';
import type { L2Options } from '../../core/options.js';
import type { Kept } from '../../core/tier.js';
import type { ServerInfo } from './server-info.js';

/** What the advice depends on beside the server. */
export interface Asking extends Kept, Pick<L2Options, 'failover'> {}

interface Rule {
  readonly code: string;
  readonly says: string;
  readonly applies: (server: ServerInfo, asking: Asking) => boolean;
}

const OLDEST = [6, 2] as const;
/** The start of a server and its first note of a snapshot are told in whole seconds, and are not the same moment. */
const SAME_MOMENT_S = 2;
const CURE = 'set maxmemory-policy volatile-lfu, for what has to stay has no expiry';

const RULES: readonly Rule[] = [
  {
    code: 'redis-old',
    says: 'Redis before 6.2 is not what the cache is made for: update it',
    applies: ({ info }) => isOld(info.get('redis_version')),
  },
  {
    code: 'redis-default-user',
    says: 'Redis is used by its default user, who may do more than the cache needs, with the keys of all; make a user by redisAclRules()',
    applies: ({ isDefaultUser }) => isDefaultUser,
  },
  {
    code: 'redis-unbounded',
    says: 'Redis has no maxmemory: it grows until its machine or container ends it; set one, and maxmemory-policy volatile-lfu',
    applies: ({ info }) => info.get('maxmemory') === '0',
  },
  {
    // Deletions are counted and announced, which needs memory as well: seen on Redis 7.0.
    code: 'redis-refuses-when-full',
    says: `Redis refuses deletions and invalidations as well as fills once it is full (noeviction); ${CURE}`,
    applies: (server) => policyOf(server) === 'noeviction',
  },
  {
    code: 'redis-evicts-numbers',
    says: `Redis evicts whatever it hits upon (allkeys-random), also the numbers of the application, and all its entries are void then; ${CURE}`,
    applies: (server) => policyOf(server) === 'allkeys-random',
  },
  {
    code: 'redis-evicts-leases',
    says: 'Redis evicts first what expires first (volatile-ttl): leases, without which a key is loaded several times, and guards of mutate; set maxmemory-policy volatile-lfu',
    applies: (server) => policyOf(server) === 'volatile-ttl',
  },
  {
    code: 'redis-evicts-secrets',
    says: `Redis may evict the secrets of tenants (allkeys-*), and nobody can read their entries then; ${CURE}, turn l3 on, or give encryption.tenantKeys`,
    applies: (server, { secrets }) => secrets && policyOf(server)?.startsWith('allkeys-') === true,
  },
  {
    // Whoever lived through it knows of higher numbers than the snapshot, and voids it.
    code: 'redis-snapshots',
    says: 'Redis writes snapshots and no append-only file: after a crash that no instance of the application survives, what was deleted since the last one is back until its ttl; switch them off (save "") and begin empty, or set appendonly yes',
    applies: ({ info }) => info.get('aof_enabled') === '0' && hasSaved(info),
  },
  {
    // Masters of a Cluster that are cut off stop by themselves.
    code: 'redis-replicas-not-awaited',
    says: 'Redis has replicas and does not look whether they follow: a master that is cut off goes on taking changes that its successor never hears of; set min-replicas-to-write and min-replicas-max-lag',
    applies: ({ info }, { failover }) =>
      failover !== 'cold' &&
      info.get('cluster_enabled') === '0' &&
      Number(info.get('connected_slaves')) > 0 &&
      !info.has('min_slaves_good_slaves'),
  },
];

/** Each rule once, however many of the servers it applies to. */
export function adviceOnRedis(servers: readonly ServerInfo[], asking: Asking): readonly Advice[] {
  return RULES.filter(({ applies }) => servers.some((server) => applies(server, asking))).map(
    ({ code, says }) => ({ about: 'l2', code, says }),
  );
}

/** Of a server that has a bound: without one nothing is evicted. */
function policyOf({ info }: ServerInfo): string | undefined {
  return Number(info.get('maxmemory')) > 0 ? info.get('maxmemory_policy') : undefined;
}

function isOld(version = ''): boolean {
  const parts = /^(\d+)\.(\d+)/.exec(version);
  if (!parts) return false;
  const [major, minor] = [Number(parts[1]), Number(parts[2])];
  return major < OLDEST[0] || (major === OLDEST[0] && minor < OLDEST[1]);
}

/** Since it was started; before 7.0 they are not counted, and its start counts as one. */
function hasSaved(info: ServerInfo['info']): boolean {
  if (info.has('rdb_saves')) return Number(info.get('rdb_saves')) > 0;
  const started =
    Number(info.get('server_time_usec')) / 1e6 - Number(info.get('uptime_in_seconds'));
  return Number(info.get('rdb_last_save_time')) - started > SAME_MOMENT_S;
}
