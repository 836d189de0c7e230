/** What a Redis says of itself and what is advised, where no such server can be had or set up. */
import { describe, expect, it } from 'vitest';
import { adviceOnRedis, type Asking } from '../../src/tiers/redis/advice.js';
import { linesOf } from '../../src/tiers/redis/server-info.js';

const RIGHT: Readonly<Record<string, string>> = {
  redis_version: '7.2.4',
  maxmemory: '1048576',
  maxmemory_policy: 'volatile-lfu',
  aof_enabled: '0',
  rdb_saves: '0',
  cluster_enabled: '0',
  connected_slaves: '0',
};

function codes(more: Record<string, string | undefined>, asking: Partial<Asking> = {}): string[] {
  const lines = Object.entries({ ...RIGHT, ...more }).map(([name, value]) =>
    value === undefined ? '' : `${name}:${value}`,
  );
  const info = linesOf(['# Heading', ...lines].join('\r\n'));
  return adviceOnRedis([{ info, isDefaultUser: false }], { secrets: false, ...asking }).map(
    ({ code }) => code,
  );
}

describe('Redis', () => {
  it('that is as it should be, or says nothing, is given no advice', () => {
    expect(codes({})).toEqual([]);
    expect(adviceOnRedis([], { secrets: true })).toEqual([]);
    const nothing = { info: new Map<string, string>(), isDefaultUser: false };
    expect(adviceOnRedis([nothing], { secrets: true })).toEqual([]);
  });

  it.each([
    ['6.0.16', ['redis-old']],
    ['5.0', ['redis-old']],
    ['6.2.0', []],
    ['7.0.15', []],
    ['10.0.0', []],
    ['unknown', []],
  ])('of version %s: %j', (version, advice) =>
    expect(codes({ redis_version: version })).toEqual(advice),
  );

  it('before 7.0 has written a snapshot where it notes one after its start', () => {
    const started = { server_time_usec: '1000000000', uptime_in_seconds: '100' };
    const saved = (at: string) =>
      codes({ ...started, rdb_saves: undefined, rdb_last_save_time: at });
    expect(saved('900')).toEqual([]);
    expect(saved('901')).toEqual([]);
    expect(saved('950')).toEqual(['redis-snapshots']);
    expect(codes({ rdb_saves: undefined })).toEqual([]);
  });

  it('in a Cluster does not need to count its replicas', () => {
    expect(codes({ connected_slaves: '1' })).toEqual(['redis-replicas-not-awaited']);
    expect(codes({ connected_slaves: '1', cluster_enabled: '1' })).toEqual([]);
  });

  it('says each thing once, however many servers it is true of', () => {
    const server = { info: new Map([['maxmemory', '0']]), isDefaultUser: true };
    const advice = adviceOnRedis([server, server], { secrets: false });
    expect(advice.map(({ code }) => code)).toEqual(['redis-default-user', 'redis-unbounded']);
    expect(advice.every(({ about }) => about === 'l2')).toBe(true);
  });
});
