/** Everything this tier does inside Redis beyond reading: each script is one atomic step, with its contract above it. */
import { createHash } from 'node:crypto';
import { ENCRYPTION_OFFSET, ID_BYTES, ID_OFFSET } from '../../core/envelope.js';

/** One Lua script. */
export interface Script {
  readonly lua: string;
  readonly sha: string;
}

/**
 * First words on every connection. A missing counter or epoch, or a counter below what the caller has seen, means data was
 * lost: a new epoch makes every entry of before invalid. The counter then jumps to the server's time in µs, above every
 * number it can have had, so that tag records need no reset, and an older epoch that comes back later is known by its counter.
 *
 * A replica that has been promoted has another id than its master: where the application wants to start cold after that, it
 * is a loss too.
 *
 * KEYS sq ep st rid · ARGV seen sq, epoch to set, id of the replication history or '', 1 to set it in any case ·
 * → epoch, sq, last stream id, server time in ms
 */
export const SYNC = script(`
local sq = redis.call('GET', KEYS[1])
local ep = redis.call('GET', KEYS[2])
local time = redis.call('TIME')
local moved = false
if ARGV[3] ~= '' then
  local rid = redis.call('GET', KEYS[4])
  moved = rid and rid ~= ARGV[3]
  if rid ~= ARGV[3] then redis.call('SET', KEYS[4], ARGV[3]) end
end
if moved or ARGV[4] == '1' or not sq or not ep or tonumber(sq) < tonumber(ARGV[1]) then
  ep = ARGV[2]
  sq = string.format('%.0f', math.max(tonumber(sq or 0), tonumber(ARGV[1]), time[1] * 1000000 + time[2]))
  redis.call('SET', KEYS[1], sq)
  redis.call('SET', KEYS[2], ep)
end
local last = redis.call('XREVRANGE', KEYS[3], '+', '-', 'COUNT', 1)
return { ep, sq, last[1] and last[1][1] or '0-0', string.format('%.3f', time[1] * 1000 + time[2] / 1000) }
`);

/**
 * Numbers of tags, hard and soft; a record without a floor was lost or never there: everything older than now counts as
 * bumped.
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
 * The right to load a key; nobody has it while the key is being written. An entry is returned only if it is another one than
 * the caller has just read and rejected. A token ends with the number its load began under: what began before the number that
 * the caller knows of a bump is doomed, and its lease goes to the caller.
 *
 * KEYS entry lease guards · ARGV token, ms, id of the rejected entry or '', number of a bump or 0 ·
 * → entry · 2 guarded · 1 granted · 0 busy
 */
export const LEASE = script(`
if redis.call('EXISTS', KEYS[3]) == 1 then return 2 end
local id = redis.call('GETRANGE', KEYS[1], 34, 41)
if #id == 8 and id ~= ARGV[3] then return redis.call('GET', KEYS[1]) end
local held = redis.call('GET', KEYS[2])
if held and tonumber(string.match(held, ':(%d+)$')) >= tonumber(ARGV[4]) then return 0 end
redis.call('SET', KEYS[2], ARGV[1], 'PX', ARGV[2])
return 1
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

/** Debts that Redis keeps for L3; about 150 bytes each. */
const MOST_DEBTS = 100_000;

/** What a change does to one key: the letter goes over the wire. */
export const MODE = {
  drop: 'd',
  expire: 'x',
  touch: 'k',
  set: 's',
  tags: 't',
  reseal: 'r',
} as const;
export type Mode = (typeof MODE)[keyof typeof MODE];

/**
 * One entry and its lease. `r`: an encrypted entry is sealed by another key, and its lease stays. `d`: both go. `x`, `k`: what is fresh lives `ms` from now on and its grace after that, by the
 * three times in the envelope's head; what is stale from now on was never fresh, so that no clock makes it so again. `s`: a new entry where there is one to store. The lease goes, so that no
 * running load can fill the key.
 *
 * The times of an encrypted entry are covered by its seal: for `x`, `k` and `r` the client has made it anew, and its body is the
 * id of the write that it was made of (8), ms to live (12 digits, 0 = leave it as it is) and the envelope. Where that is not the
 * entry that is there, `x` removes it, for what it says of it is not known, and the others leave it.
 */
const ENTRY_STEP = `
local function number(head, at)
  local value = 0
  for i = at, at + 5 do value = value * 256 + string.byte(head, i) end
  return value
end
local function spell(value)
  local bytes = {}
  for i = 6, 1, -1 do
    bytes[i] = string.char(value % 256)
    value = math.floor(value / 256)
  end
  return table.concat(bytes)
end
local function relive(key, ms)
  local head = redis.call('GETRANGE', key, 0, 21)
  if #head < 22 then return end
  local time = redis.call('TIME')
  local age = math.max(time[1] * 1000 + math.floor(time[2] / 1000) - number(head, 5), 0)
  local ttl, grace = number(head, 11), number(head, 17)
  if ms > 0 then
    if age >= ttl then return end
    redis.call('SETRANGE', key, 10, spell(age + ms))
    redis.call('PEXPIRE', key, ms + grace)
  elseif grace == 0 then redis.call('UNLINK', key)
  elseif ttl > 0 then
    redis.call('SETRANGE', key, 10, spell(0) .. spell(math.min(age, ttl) + grace))
    if age < ttl then redis.call('PEXPIRE', key, grace) end
  end
end
local function renew(mode, entry, body)
  if body ~= '' and redis.call('GETRANGE', entry, ${ID_OFFSET}, ${ID_OFFSET + ID_BYTES - 1}) == string.sub(body, 1, 8) then
    local ms = tonumber(string.sub(body, 9, 20))
    if ms > 0 then redis.call('SET', entry, string.sub(body, 21), 'PX', string.format('%.0f', ms)) end
  elseif mode == 'x' then redis.call('UNLINK', entry) end
end
local function step(mode, entry, lease, body, ms)
  if mode == 'r' then renew(mode, entry, body)
  elseif mode == 'x' or mode == 'k' then
    local sealed = redis.call('GETRANGE', entry, ${ENCRYPTION_OFFSET}, ${ENCRYPTION_OFFSET})
    if sealed == '' or sealed == '\\0' then relive(entry, tonumber(ms)) else renew(mode, entry, body) end
    redis.call('UNLINK', lease)
  else
    redis.call('UNLINK', entry, lease)
    if mode == 's' and body ~= '' then redis.call('SET', entry, body, 'PX', ms) end
  end
end
`;

/**
 * A write or an invalidation with its announcement, in one step: entries and leases of the keys change, tags get the new
 * number, everybody hears of it. What L3 has not taken is remembered in the same step. Changes nothing under another epoch.
 *
 * New entries come as one text, for each argument costs as much as the entry: of each the ms to live, as digits behind their number
 * (1 byte), for a number of Lua would have to be spelled; then its envelope behind its length (4 bytes, 0 = there is none to store).
 *
 * A lease is named as its entry, and in the same slot: it is not sent as well, for each name costs as much as storing the entry.
 *
 * KEYS sq ep st debts tags, then the entries, all of one tenant ·
 * ARGV epoch, sender, type or '' to tell nobody, payload, name of the debt or '', mode, then that text, or envelope or '' and ms
 * of each key, or tag fields · → number; nil = out of sync; 0 = done, and the debt could not be kept
 */
export const CHANGE = script(`
if redis.call('GET', KEYS[2]) ~= ARGV[1] then return nil end
local count = redis.call('INCR', KEYS[1])
-- It starts far above: it was not there.
if count == 1 then redis.call('DEL', KEYS[1]) return nil end
local number = string.format('%.0f', count)
local mode = ARGV[6]
local call, part = redis.call, string.sub
local leases = {}
if #KEYS > 5 then
  local kind = string.find(KEYS[6], '}:e:', 1, true) + 2
  for i = 6, #KEYS do leases[i - 5] = part(KEYS[i], 1, kind - 1) .. 'l' .. part(KEYS[i], kind + 1) end
end
if mode == 'd' then
  for i = 6, #KEYS do leases[#leases + 1] = KEYS[i] end
  if #leases > 0 then call('UNLINK', unpack(leases)) end
elseif mode == 's' then
  call('UNLINK', unpack(leases))
  local read = struct.unpack
  local text, at, ms, body = ARGV[7], 1
  for i = 6, #KEYS do
    ms, body, at = read('>Bc0I4c0', text, at)
    if body ~= '' then call('SET', KEYS[i], body, 'PX', ms) else call('UNLINK', KEYS[i]) end
  end
elseif mode ~= 't' then
  ${ENTRY_STEP}
  for i, lease in ipairs(leases) do step(mode, KEYS[5 + i], lease, ARGV[5 + 2 * i], ARGV[6 + 2 * i]) end
else
  if redis.call('HLEN', KEYS[5]) > 100000 then redis.call('DEL', KEYS[5]) end
  redis.call('HSETNX', KEYS[5], 'floor', number)
  for i = 7, #ARGV do
    redis.call('HSET', KEYS[5], ARGV[i], number)
  end
end
if ARGV[3] == '' then return number end
if ARGV[5] == '' then
  redis.call('XADD', KEYS[3], 'MAXLEN', '~', 10000, '*', 'n', number, 'e', ARGV[1], 's', ARGV[2], 't', ARGV[3], 'k', ARGV[4])
else
  local full = redis.call('HLEN', KEYS[4]) >= ${MOST_DEBTS}
  if not full then redis.call('HSET', KEYS[4], ARGV[5], ARGV[3] .. ARGV[4]) end
  redis.call('XADD', KEYS[3], 'MAXLEN', '~', 10000, '*', 'n', number, 'e', ARGV[1], 's', ARGV[2], 't', ARGV[3], 'k', ARGV[4], 'd', ARGV[5])
  if full then return '0' end
end
return number
`);

/**
 * Begins or ends the writing of a key: entry and lease go, and while a guard stands no lease is given. Each ends by itself;
 * the record lives as long as the last of them.
 *
 * KEYS entry lease guards · ARGV id, ms or 0 to end it
 */
export const GUARD = script(`
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local last = 0
local guards = redis.call('HGETALL', KEYS[3])
for i = 1, #guards, 2 do
  local ends = tonumber(guards[i + 1])
  if ends <= now or guards[i] == ARGV[1] then redis.call('HDEL', KEYS[3], guards[i])
  else last = math.max(last, ends) end
end
if tonumber(ARGV[2]) > 0 then
  local ends = now + tonumber(ARGV[2])
  redis.call('HSET', KEYS[3], ARGV[1], string.format('%.0f', ends))
  last = math.max(last, ends)
end
if last > 0 then redis.call('PEXPIRE', KEYS[3], last - now) end
redis.call('UNLINK', KEYS[1], KEYS[2])
return 1
`);

/**
 * Records of secrets. KEYS secrets · ARGV tenants · → server time in ms, then each record or nil
 */
export const READ_KEYS = script(`
local time = redis.call('TIME')
local records = redis.call('HMGET', KEYS[1], unpack(ARGV))
table.insert(records, 1, string.format('%.0f', time[1] * 1000 + math.floor(time[2] / 1000)))
return records
`);

/**
 * Replaces a record of secrets that is still the one that was read; replacing is counted, beginning one is not.
 *
 * KEYS secrets revision · ARGV tenant, old record or '', new record · → 1 done · 0 it is another one
 */
export const SWAP_KEY = script(`
local old = redis.call('HMGET', KEYS[1], ARGV[1])[1] or ''
if old ~= ARGV[2] then return 0 end
redis.call('HSET', KEYS[1], ARGV[1], ARGV[3])
if old ~= '' then redis.call('INCR', KEYS[2]) end
return 1
`);

/** The part of a change that lives in a key's own cluster slot. KEYS entry lease · ARGV mode, envelope or '', ms */
export const ENTRY = script(`${ENTRY_STEP}
step(ARGV[1], KEYS[1], KEYS[2], ARGV[2], ARGV[3])
return 1
`);

/**
 * Every command the scripts use, tried on keys that hold nothing. A script's own error does not say which command was
 * refused, so each is tried by itself.
 *
 * KEYS two names of no key · → names of the commands that are missing or not permitted
 */
export const PROBE = script(`
local tries = {
  { 'GET', KEYS[1] }, { 'GETRANGE', KEYS[1], 0, 1 }, { 'SET', KEYS[1], '1', 'PX', 1 }, { 'SETRANGE', KEYS[1], 0, '1' },
  { 'EXISTS', KEYS[1] }, { 'INCR', KEYS[1] }, { 'PEXPIRE', KEYS[1], 1 }, { 'DEL', KEYS[1] }, { 'UNLINK', KEYS[1] },
  { 'HSETNX', KEYS[2], 'f', 1 }, { 'HSET', KEYS[2], 'f', 1 }, { 'HMGET', KEYS[2], 'f' }, { 'HLEN', KEYS[2] },
  { 'HSCAN', KEYS[2], 0 }, { 'HGETALL', KEYS[2] }, { 'HDEL', KEYS[2], 'f' }, { 'UNLINK', KEYS[2] }, { 'XADD', KEYS[2], '*', 'f', 1 }, { 'XREVRANGE', KEYS[2], '+', '-', 'COUNT', 1 },
  { 'UNLINK', KEYS[2] }, { 'TIME' },
}
local missing = {}
for _, try in ipairs(tries) do
  local reply = redis.pcall(unpack(try))
  if type(reply) == 'table' and reply.err and (string.find(reply.err, 'permission') or string.find(reply.err, 'NOPERM')
    or string.find(reply.err, "can't run this command") or string.find(reply.err, 'nknown')) then
    missing[#missing + 1] = string.lower(try[1])
  end
end
return missing
`);

function script(lua: string): Script {
  return { lua, sha: createHash('sha1').update(lua).digest('hex') };
}
