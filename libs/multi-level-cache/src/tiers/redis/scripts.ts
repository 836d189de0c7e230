/** Everything this tier does inside Redis beyond reading: each script is one atomic step, with its contract above it. */
import { createHash } from 'node:crypto';

/** One Lua script. */
export interface Script {
  readonly lua: string;
  readonly sha: string;
}

/**
 * First words on every connection. A missing counter or epoch, or a counter below what the caller has seen under the same
 * epoch, means data was lost: a new epoch makes every entry of before invalid. The counter then jumps to the server's
 * time in µs, above every number it can have had, so that tag records need no reset.
 *
 * KEYS sq ep st · ARGV seen epoch, seen sq, epoch to set · → epoch, sq, last stream id, server time in ms
 */
export const SYNC = script(`
local sq = redis.call('GET', KEYS[1])
local ep = redis.call('GET', KEYS[2])
local time = redis.call('TIME')
if not sq or not ep or (ep == ARGV[1] and tonumber(sq) < tonumber(ARGV[2])) then
  ep = ARGV[3]
  sq = string.format('%.0f', math.max(tonumber(sq or 0), time[1] * 1000000 + time[2]))
  redis.call('SET', KEYS[1], sq)
  redis.call('SET', KEYS[2], ep)
end
local last = redis.call('XREVRANGE', KEYS[3], '+', '-', 'COUNT', 1)
return { ep, sq, last[1] and last[1][1] or '0-0', string.format('%.3f', time[1] * 1000 + time[2] / 1000) }
`);

/**
 * Numbers of tags; a record without a floor was lost or never there: everything older than now counts as bumped.
 *
 * KEYS sq tags · ARGV fields · → sq, floor, number or nil of each field; nil alone = out of sync
 */
export const TAGS = script(`
local sq = redis.call('GET', KEYS[1])
if not sq then return nil end
redis.call('HSETNX', KEYS[2], 'floor', sq)
local numbers = redis.call('HMGET', KEYS[2], 'floor', unpack(ARGV))
table.insert(numbers, 1, sq)
return numbers
`);

/**
 * The right to load a key. An entry is returned only if it is another one than the caller has just read and rejected.
 *
 * KEYS entry lease · ARGV token, ms, id of the rejected entry or '' · → entry · 1 granted · 0 busy
 */
export const LEASE = script(`
local id = redis.call('GETRANGE', KEYS[1], 34, 41)
if #id == 8 and id ~= ARGV[3] then return redis.call('GET', KEYS[1]) end
if redis.call('SET', KEYS[2], ARGV[1], 'NX', 'PX', ARGV[2]) then return 1 end
return 0
`);

/**
 * Stores a loaded value if the lease still holds, and gives the lease back.
 *
 * KEYS entry lease · ARGV token, envelope, ms to live · → 1 stored · 0 refused
 */
export const FILL = script(`
if redis.call('GET', KEYS[2]) ~= ARGV[1] then return 0 end
redis.call('DEL', KEYS[2])
redis.call('SET', KEYS[1], ARGV[2], 'PX', ARGV[3])
return 1
`);

/** KEYS lease · ARGV token, ms · → 1 prolonged · 0 lost */
export const RENEW = script(`
if redis.call('GET', KEYS[1]) ~= ARGV[1] then return 0 end
return redis.call('PEXPIRE', KEYS[1], ARGV[2])
`);

/** KEYS lease · ARGV token · → 1 given back · 0 was not held */
export const RELEASE = script(`
if redis.call('GET', KEYS[1]) ~= ARGV[1] then return 0 end
return redis.call('DEL', KEYS[1])
`);

/**
 * A write or an invalidation with its announcement, in one step: entries and leases of the keys go, so that no running
 * load can fill them; tags get the new number; everybody hears of it. Changes nothing under another epoch.
 *
 * KEYS sq ep st tags, then entry and lease of each key ·
 * ARGV epoch, sender, type, payload, envelope or '', ms to live, then tag fields · → number, or nil = out of sync
 */
export const CHANGE = script(`
if redis.call('GET', KEYS[2]) ~= ARGV[1] or redis.call('EXISTS', KEYS[1]) == 0 then return nil end
local number = string.format('%.0f', redis.call('INCR', KEYS[1]))
for i = 5, #KEYS, 2 do
  redis.call('UNLINK', KEYS[i], KEYS[i + 1])
end
if ARGV[5] ~= '' then redis.call('SET', KEYS[5], ARGV[5], 'PX', ARGV[6]) end
if #ARGV > 6 then
  if redis.call('HLEN', KEYS[4]) > 100000 then redis.call('DEL', KEYS[4]) end
  redis.call('HSETNX', KEYS[4], 'floor', number)
  for i = 7, #ARGV do
    redis.call('HSET', KEYS[4], ARGV[i], number)
  end
end
redis.call('XADD', KEYS[3], 'MAXLEN', '~', 10000, '*', 'n', number, 'e', ARGV[1], 's', ARGV[2], 't', ARGV[3], 'k', ARGV[4])
return number
`);

function script(lua: string): Script {
  return { lua, sha: createHash('sha1').update(lua).digest('hex') };
}
