// The worked example of docs/sizing.md, reckoned from the unit costs that were measured: its formulas, and no other ones.
import { table } from '../lib/markers.mjs';

/** What the example assumes; everything else is measured. */
export const ASSUMED = {
  /** Reads of the cache a day. */
  reads: 1e9,
  peak: 5,
  /** Shares of reads that are answered by each tier; the rest is loaded. */
  l1: 0.8,
  l2: 0.16,
  l3: 0.02,
  /** Writes and invalidations, as a share of reads. */
  writes: 0.02,
  /** Different entries alive, of 1 KiB. */
  entries: 20e6,
  /** Of one core of an instance, for the cache. */
  core: 0.5,
  /** Of one core of Redis or PostgreSQL. */
  busy: 0.5,
  shardGiB: 8,
  poolSize: 4,
};

const GIB = 2 ** 30;
const DAY = 86_400;

/** @param cost - of one thing each, by name, for calls that come one at a time; `nmMany` for messages that come many at a time */
export function sized(cost, assumed = ASSUMED) {
  const { reads, peak, l1, l2, l3, writes, entries, core, busy, shardGiB, poolSize } = assumed;
  const average = reads / DAY;
  const P = average * peak;
  const W = P * writes;
  const loads = P * (1 - l1 - l2 - l3);
  const asked3 = P * (1 - l1 - l2);
  const us = 1e-6;
  const C =
    us *
    (P * l1 * cost.n1 +
      P * l2 * cost.n2 +
      asked3 * cost.n3 +
      loads * (cost.nl + cost.nr) +
      W * (cost.nw2 + cost.nw3));
  const told = W * cost.nm * us;
  // Every instance hears every change: what is left of its share answers requests.
  const M = told < core ? Math.max(Math.ceil(C / (core - told)), 2) : Infinity;
  // When more come than can be read one by one, they are read many at a time.
  const Wmax = core / (cost.nmMany * us);
  const redis = us * (P * l2 * cost.r2 + asked3 * cost.rl + W * cost.rw);
  // All records that instances share lie in one slot: one shard has them.
  const shared = us * W * (cost.rd + M * cost.rm);
  const memory = entries * cost.be;
  const shards = Math.max(Math.ceil(memory / GIB / shardGiB), Math.ceil(redis / busy), 3);
  const disk = entries * cost.bp;
  const perDay = (average * writes * cost.wl + (loads / peak) * cost.wr) * DAY;
  const postgres = us * (asked3 * cost.p3 + loads * cost.pr + W * cost.pw);
  return {
    average,
    P,
    W,
    loads,
    asked3,
    C,
    told,
    M,
    Wmax,
    redis,
    shared,
    memory,
    shards,
    sent: P * l2 * cost.bo,
    disk,
    perDay,
    postgres,
    connections: M * (poolSize + 1),
  };
}

const whole = (number) => (Number.isFinite(number) ? Math.round(number).toLocaleString('en') : '∞');
const cores = (number) => `${number.toFixed(2)} cores`;
const gib = (bytes) => `${(bytes / GIB).toFixed(1)} GiB`;

/** @param units - as `units()` of bench:scale gives them */
export function exampleTable(units) {
  const cost = Object.fromEntries(units.map(({ id, values }) => [id, values[0]]));
  cost.nmMany = units.find(({ id }) => id === 'nm')?.values[1];
  const a = ASSUMED;
  const s = sized(cost);
  const rows = [
    ['reads a second, average', '`D / 86,400`', whole(s.average)],
    ['`P`, reads a second at the peak', `\`average x ${a.peak}\``, whole(s.P)],
    ['`W`, changes a second', `\`P x ${a.writes}\``, whole(s.W)],
    ['reads that neither L1 nor L2 answers', '`A = P x (s3 + sL)`', `${whole(s.asked3)}/s`],
    ['loads', '`L = P x sL`', `${whole(s.loads)}/s`],
    [
      '`C`, cores of all Node processes',
      '`P x (s1 n1 + s2 n2) + A x n3 + L x (nl + nr) + W x (nw2 + nw3)`',
      cores(s.C),
    ],
    ['each instance, to hear the others', '`H = W x nm`', cores(s.told)],
    ['`M`, instances', `\`C / (${a.core} - H)\`, at least 2`, whole(s.M)],
    [
      'most changes a second one namespace can have',
      `\`${a.core} / nm\`, many at a time`,
      whole(s.Wmax),
    ],
    ['Redis, all shards', '`P x s2 r2 + A x rl + W x rw`', cores(s.redis)],
    ['Redis, the shard with the shared records', '`W x (rd + M x rm)`', cores(s.shared)],
    ['Redis, memory', '`E x be`', gib(s.memory)],
    ['Redis, shards', `memory / ${a.shardGiB} GiB, cores / ${a.busy}, at least 3`, whole(s.shards)],
    ['Redis, bytes sent', '`P x s2 x bo`', `${(s.sent / 2 ** 20).toFixed(1)} MiB/s`],
    ['PostgreSQL, processor', '`A x p3 + L x pr + W x pw`', cores(s.postgres)],
    ['PostgreSQL, disk', '`E x bp`', gib(s.disk)],
    ['PostgreSQL, log a day', '`(W x wl + L x wr) x 86,400 / peak factor`', gib(s.perDay)],
    ['PostgreSQL, connections', `\`M x (${a.poolSize} + 1)\``, whole(s.connections)],
  ];
  return table(['what', 'formula', 'result'], rows);
}
