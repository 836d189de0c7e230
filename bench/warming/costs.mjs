// What warming costs: time for each access told and each candidate scored, the longest step of a plan, and memory per key.
// Run with an argument it is the process that measures one of them, with nothing else on its heap.
import { execFileSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { NestFactory } from '@nestjs/core';
import { CacheManager, MultiLevelCacheModule } from 'nestjs-multi-level-cache';
import { LearnedPredictor } from '../../libs/multi-level-cache/dist/warming/learned-predictor.js';
import { Planner } from '../../libs/multi-level-cache/dist/warming/planner.js';
import { seeded } from '../../test/support/random.mjs';

const KEYS = 20_000;
const TTL_MS = 300_000;
const TICK_MS = 60_000;
const TICKS = 40;
/** Requests of a tick, whose keys follow a power law. */
const REQUESTS = 20_000;
const SKEW = 0.8;
const TOKENS = 500;
const TENANT = 'p';
/** Keys whose values are kept in memory, and whose loader is known by. */
const HOTTEST = 1_000;
const PATTERN = /^product:(.+)$/s;
const MIB = 2 ** 20;

/** Hits of memory between two rounds of the job, in some seconds of a busy process. */
const HITS = 1_000_000;
const HIT_ROUNDS = 11;

const HIT_BAR_NS = 30;
const STEP_BAR_MS = 2;
const KEY_BAR_BYTES = 400;
const ALL_BAR_MIB = 8;

/** `{ line, pass }` of each figure. */
export function costs() {
  const { accessNs, candidateNs, stepMs } = measured('time');
  const { bytes } = measured('memory');
  const { hitNs, moreNs } = measured('hits');
  const [perKey, all] = [bytes / KEYS, bytes / MIB];
  return [
    barred(
      `a hit in memory, with its share of a round: ${moreNs.toFixed(1)} ns more than the ${hitNs.toFixed(0)} ns without warming`,
      moreNs <= HIT_BAR_NS,
      `at most ${HIT_BAR_NS} ns`,
    ),
    told(`an access told: ${accessNs.toFixed(0)} ns`),
    told(`a candidate scored: ${candidateNs.toFixed(0)} ns`),
    barred(
      `longest step of a plan over ${KEYS} keys: ${stepMs.toFixed(2)} ms, median of ${TICKS / 2} plans`,
      stepMs <= STEP_BAR_MS,
      `at most ${STEP_BAR_MS} ms`,
    ),
    barred(
      `memory per followed key: ${perKey.toFixed(0)} B`,
      perKey <= KEY_BAR_BYTES,
      `at most ${KEY_BAR_BYTES} B`,
    ),
    barred(
      `memory in all: ${all.toFixed(1)} MiB`,
      all < ALL_BAR_MIB,
      `less than ${ALL_BAR_MIB} MiB`,
    ),
  ];
}

const told = (line) => ({ line, pass: true });
const barred = (figure, pass, bar) => ({
  line: `${figure} (bar: ${bar}: ${pass ? 'met' : 'MISSED'})`,
  pass,
});

function measured(what) {
  const self = fileURLToPath(import.meta.url);
  const output = execFileSync(process.execPath, ['--expose-gc', self, what], { encoding: 'utf8' });
  return JSON.parse(output);
}

const refOf = (rank) => ({
  tenant: TENANT,
  cache: 'default',
  key: `product:${String(rank).padStart(22, '0')}`,
});

/** Followed keys of some 30 characters, and requests for them that come in their turn. */
class Load {
  planner = new Planner(new LearnedPredictor(), { random: seeded(2) });
  #random = seeded(1);
  #refOf;
  #now = 0;

  constructor(refOf) {
    this.#refOf = refOf;
  }

  /** Each key once, so that all are followed. */
  begin() {
    for (let rank = 0; rank < KEYS; rank++) this.#ask(this.#refOf(rank), this.#now);
  }

  #requests() {
    return Array.from({ length: REQUESTS }, () =>
      this.#refOf(Math.floor(KEYS * this.#random() ** (1 / (1 - SKEW)))),
    );
  }

  /** What a tick has to tell; ns for each access. */
  interval() {
    const refs = this.#requests();
    const began = process.hrtime.bigint();
    refs.forEach((ref, at) => this.#ask(ref, this.#now + (at * TICK_MS) / REQUESTS));
    const took = Number(process.hrtime.bigint() - began);
    this.#now += TICK_MS;
    return took / REQUESTS;
  }

  #ask(ref, now) {
    const { record } = this.planner;
    const id = record.asked(ref, 1, now);
    if (id !== undefined && record.freshUntil(id) <= now)
      record.stored(id, { freshUntil: now + TTL_MS, ttl: TTL_MS, loadMs: 5, bytes: 100 });
  }

  /** A plan, and a look at what is hottest; ms of the longest step of both. */
  plan() {
    const grants = new Map([[TENANT, TOKENS]]);
    const { record } = this.planner;
    const mayLoad = ({ key }) => PATTERN.test(key);
    const plan = longest(this.planner.tick({ now: this.#now, interval: TICK_MS, grants, mayLoad }));
    for (const { id } of plan.value) this.planner.warmed(id, this.#now, record.freshUntil(id));
    return Math.max(plan.ms, longest(record.hottest(this.#now, HOTTEST)).ms);
  }

  /** ns for each candidate. */
  score() {
    const into = { soon: 0, within: 0 };
    const horizon = { now: this.#now, soon: TICK_MS, ttl: TTL_MS };
    const began = process.hrtime.bigint();
    for (let id = 0; id < KEYS; id++) this.planner.predictor.score(id, horizon, into);
    return Number(process.hrtime.bigint() - began) / KEYS;
  }
}

/** What a generator comes to, and its longest step. */
function longest(steps) {
  for (let ms = 0; ;) {
    const began = performance.now();
    const { done, value } = steps.next();
    ms = Math.max(ms, performance.now() - began);
    if (done) return { ms, value };
  }
}

/** Medians: of plans the longest step of each, for another process may have had the core. */
function time() {
  // Made once: what requests leave behind is not collected at the plan's expense.
  const refs = Array.from({ length: KEYS }, (_none, rank) => refOf(rank));
  const load = new Load((rank) => refs[rank]);
  load.begin();
  const rounds = Array.from({ length: TICKS }, () => ({
    accessNs: load.interval(),
    stepMs: load.plan(),
    candidateNs: load.score(),
  }));
  // The first ones are spent on compiling.
  const warm = rounds.slice(TICKS / 2);
  const middle = (name) => median(warm.map((round) => round[name]));
  return {
    accessNs: middle('accessNs'),
    candidateNs: middle('candidateNs'),
    stepMs: middle('stepMs'),
  };
}

function memory() {
  const run = () => {
    // Nobody else holds a key: what it takes is part of the figure.
    const load = new Load(refOf);
    load.begin();
    for (let tick = 0; tick < TICKS; tick++) {
      load.interval();
      load.plan();
    }
    return load;
  };
  // Code is compiled by the first run, and is no part of a key.
  run();
  const before = used();
  globalThis.kept = run();
  return { bytes: used() - before };
}

/** The same hits with and without warming in turn, a round of the job after them; medians, of the difference too. */
async function hits() {
  const [without, warmed] = [await open(), await open({ interval: '1h', onBoot: false })];
  const keys = Array.from({ length: HOTTEST }, (_none, rank) => refOf(rank).key);
  for (const { cache } of [without, warmed]) for (const key of keys) await cache.set(key, 1);
  const random = seeded(3);
  const order = Array.from(
    { length: 1 << 14 },
    () => keys[Math.floor(HOTTEST * random() ** (1 / (1 - SKEW)))],
  );
  const ask = async ({ cache }) => {
    const began = process.hrtime.bigint();
    for (let at = 0; at < HITS; at++) await cache.get(order[at & (order.length - 1)]);
    await cache.warming.round();
    return Number(process.hrtime.bigint() - began) / HITS;
  };
  const rounds = [];
  for (let round = 0; round < HIT_ROUNDS; round++) {
    const first = round % 2 === 0 ? without : warmed;
    const second = first === without ? warmed : without;
    const [one, other] = [await ask(first), await ask(second)];
    rounds.push(first === without ? [one, other] : [other, one]);
  }
  // Compiling takes its time in the first ones.
  const judged = rounds.slice(2);
  await Promise.all([without, warmed].map(({ app }) => app.close()));
  return {
    hitNs: median(judged.map(([off]) => off)),
    moreNs: median(judged.map(([off, on]) => on - off)),
  };
}

async function open(warming) {
  const app = await NestFactory.createApplicationContext(
    MultiLevelCacheModule.forRoot({ namespace: 'bench', defaults: { ttl: '1h' }, warming }),
    { logger: false },
  );
  return { app, cache: app.get(CacheManager) };
}

/** What is on the heap and in array buffers, once nothing more can be collected. */
function used() {
  for (let round = 0; round < 5; round++) globalThis.gc();
  const { arrayBuffers, heapUsed } = process.memoryUsage();
  return heapUsed + arrayBuffers;
}

const median = (numbers) => numbers.toSorted((a, b) => a - b)[numbers.length >> 1];

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const measures = { hits, memory, time };
  console.log(JSON.stringify(await measures[process.argv[2]]()));
}
