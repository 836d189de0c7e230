// What is promised, and the judge of it: a bar is met when every figure that belongs to it is on the right side of it by its median.
import { spreadOf } from './figures.mjs';

const bar = (key, of, limit) => ({ key, id: key.split(' ')[0], of, ...limit });

/** In the order in which they are told; `least` and `most` are the bars, ratios unless a `unit` says otherwise. */
export const BARS = [
  bar('P1 raw', 'L1 hit, of lru-cache with ttl, awaited', { least: 1, stretch: 1.3 }),
  bar('P1 layered', 'L1 hit, of layered-loader', { least: 1.2 }),
  bar('P1 peers', 'L1 hit, of the best other cache', { least: 3 }),
  bar('P2', '`peek`, of lru-cache with ttl, synchronous', { least: 0.6, stretch: 0.8 }),
  bar('P3', '`@Cached` with a `key`, of lru-cache with ttl, awaited', {
    least: 0.85,
    stretch: 1.1,
  }),
  bar('P4 raw', '`@Cached` with the default key, of lru-cache with ttl, awaited', {
    least: 0.5,
    stretch: 0.75,
  }),
  bar('P4 peers', '`@Cached` with the default key, of the best cache but layered-loader', {
    least: 3,
  }),
  bar('P5 raw', 'L2 hit, 64 and 512 in flight, of coalesced MGET + JSON.parse', {
    least: 0.8,
    stretch: 0.92,
  }),
  bar('P5 peers 64', 'L2 hit, 64 in flight, of the best cache', { least: 1.4 }),
  bar('P5 peers 512', 'L2 hit, 512 in flight, of the best cache', { least: 2.2 }),
  bar('P6', 'L2 hit, one at a time, of ioredis GET + JSON.parse', { least: 0.9, stretch: 1 }),
  bar('P7 raw', 'L1 miss, L2 hit, into L1, 64 in flight, of MGET + JSON.parse + lru-cache', {
    least: 0.75,
    stretch: 0.9,
  }),
  bar('P7 peers', 'the same, of the best cache', { least: 2 }),
  bar('P8 raw', '100 keys from L2, of MGET + JSON.parse + lru-cache', { least: 0.9, stretch: 1 }),
  bar('P8 peers', 'the same, of the best cache', { least: 1 }),
  bar('P9 raw', 'write to L1 and L2, 64 in flight, of coalesced SETs + lru-cache', {
    least: 0.75,
    stretch: 0.9,
  }),
  bar('P9 peers', 'the same, of the best cache', { least: 1 }),
  bar('P10 loads 1', '1,000 callers of an absent key, one process', { most: 1, unit: ' loads' }),
  bar('P10 loads 4', 'the same, four processes', { most: 1, unit: ' loads' }),
  bar('P10 time 1', 'longer than the loader takes, one process', { most: 15, unit: ' ms' }),
  bar('P10 time 4', 'the same, four processes', { most: 60, unit: ' ms' }),
  bar('P11 single 64', 'L3 hit, 64 in flight, of single prepared selects', { least: 6 }),
  bar('P11 single 512', 'the same, 512 in flight', { least: 10 }),
  bar('P11 coalesced', 'L3 hit, 64 and 512 in flight, of coalesced selects', {
    least: 0.75,
    stretch: 0.9,
  }),
  bar('P12', 'memory of an entry of 100 B, of lru-cache with ttl', { most: 1.25, stretch: 1.1 }),
  bar('P13 peers', 'three tiers under mixed load, of the best cache of two', { least: 2 }),
  bar('P13 p99', 'p99 at half that load', { most: 5, unit: ' ms' }),
  bar('P14', 'a miss with a useless L3, of the same without L3', { most: 1.05, stretch: 1 }),
  bar('P15 cpu', 'one invalidation, Redis CPU', { most: 20, unit: ' µs' }),
  bar('P15 trips', 'one invalidation, round trips', { most: 1, unit: '' }),
  bar('P16', 'L2 hit of 1 KiB and 10 KiB, 64 in flight, of coalesced MGET + JSON.parse', {
    least: 0.85,
    stretch: 1.3,
  }),
];

/**
 * @param runs - `[{ figures: [{ bar, what, values }], judged, why? }]` of the scenarios that ran
 * @param wanted - whether a bar belongs to what was asked for
 * @returns of each wanted bar its worst figure and `met`, `missed` or `not judged`
 */
export function judge(runs, wanted = () => true) {
  return BARS.filter(wanted).map((one) => {
    const figures = runs.flatMap(({ figures: all, judged, why }) =>
      all.filter((figure) => figure.bar === one.key).map((figure) => ({ ...figure, judged, why })),
    );
    if (figures.length === 0) return { bar: one, verdict: 'not judged', why: 'not measured' };
    const judged = figures.map((figure) => ({ ...figure, ...spreadOf(figure.values) }));
    const worst = judged.reduce((a, b) => (badness(one, b) > badness(one, a) ? b : a));
    const doubt = judged.find((figure) => !figure.judged);
    if (doubt) return { bar: one, worst, verdict: 'not judged', why: doubt.why };
    return { bar: one, worst, verdict: badness(one, worst) <= 0 ? 'met' : 'missed' };
  });
}

/** Above 0 is on the wrong side. */
const badness = ({ least, most }, { median }) =>
  least === undefined ? median - most : least - median;

export const exitCodeOf = (verdicts) =>
  verdicts.every(({ verdict }) => verdict === 'met') ? 0 : 1;
