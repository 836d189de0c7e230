/** Which share of its budget warming may spend while the process or a store is busy: the rule, and not the measuring. Pure. */

/** What is left of the share after a tick with a red input: see `Throttle`. */
const CUT = 1 / 4;
/** What a green tick gives back. */
const STEP = 0.1;
/** Never nothing: without a load now and then nobody would learn that loads fail no more. */
const LEAST = 0.01;

/**
 * What was measured since the last tick. An input that is missing or `NaN` is unknown, and says nothing.
 */
export interface Readings {
  /** 99th percentile of the delay of the event loop, ms. */
  readonly loopDelayMs?: number;
  /** Share of the time in which the event loop was busy, 0 … 1. */
  readonly loopUtilisation?: number;
  /** Share of the heap's limit that is used, 0 … 1. */
  readonly heap?: number;
  /** How long L2 takes to answer, in times of what it usually takes. */
  readonly l2Latency?: number;
  /** L2 is away, or it or a part of it is not asked. */
  readonly l2Open?: boolean;
  /** The same of L3. */
  readonly l3Open?: boolean;
  /** Statements that wait for a connection to L3. */
  readonly poolWaiting?: number;
  /** Share of those connections that are free, 0 … 1. */
  readonly poolIdle?: number;
  /** Share of the warm loads that failed, 0 … 1. */
  readonly loadErrors?: number;
  /** Misses of a request, in times of what is usual. */
  readonly missRate?: number;
}

type Light = 'green' | 'amber' | 'red';
type Judge = (value: number) => Light;

/** The higher the worse: good below the first bound, bad above the second. */
const between =
  (green: number, red: number): Judge =>
  (value) => {
    if (value > red) return 'red';
    return value < green ? 'green' : 'amber';
  };
/** Good up to here, and bad beyond. */
const upTo =
  (most: number): Judge =>
  (value) =>
    value > most ? 'red' : 'green';
/** Good from here on; less is no harm yet. */
const atLeast =
  (least: number): Judge =>
  (value) =>
    value >= least ? 'green' : 'amber';

const INPUTS: Readonly<Record<keyof Readings, Judge>> = {
  loopDelayMs: between(20, 50),
  loopUtilisation: between(0.6, 0.85),
  heap: between(0.7, 0.85),
  l2Latency: between(2, 4),
  l2Open: upTo(0),
  l3Open: upTo(0),
  poolWaiting: upTo(0),
  poolIdle: atLeast(0.25),
  loadErrors: between(0.01, 0.05),
  missRate: upTo(3),
};
const NAMES = Object.keys(INPUTS) as (keyof Readings)[];

/**
 * Down at once and up slowly, as TCP does with its window (Chiu and Jain 1989): who is too fast is noticed late, and does harm
 * until then.
 *
 * A red input leaves a quarter, not the half that is usual there: two ticks of trouble have to leave a tenth at most, and two
 * halves leave 25 %, two quarters 6 %. From there it takes ten green ticks to have all again. A tick in which something is
 * neither red nor green changes nothing.
 *
 * Misses above what is usual say that callers need the origin themselves: warming waits for that tick, and goes on where it was,
 * for it has not done that.
 *
 * @example
 * const throttle = new Throttle();
 * throttle.tick({ loopDelayMs: 80 });
 * throttle.factor; // 0.25
 * throttle.reasons; // ['loopDelayMs']
 */
export class Throttle {
  #share = 1;
  #reasons: readonly (keyof Readings)[] = [];

  /** Which share of the budget may be spent until the next tick, 0 … 1. */
  get factor(): number {
    return this.#reasons.includes('missRate') ? 0 : this.#share;
  }

  /** Which inputs were red in the last tick. */
  get reasons(): readonly string[] {
    return this.#reasons;
  }

  tick(readings: Readings): void {
    const lights = NAMES.map((name) => ({ name, light: lightOf(name, readings[name]) }));
    this.#reasons = lights.filter(({ light }) => light === 'red').map(({ name }) => name);
    if (this.#reasons.some((name) => name !== 'missRate'))
      this.#share = Math.max(this.#share * CUT, LEAST);
    else if (lights.every(({ light }) => light === 'green'))
      this.#share = Math.min(this.#share + STEP, 1);
  }
}

/** What is not known keeps nothing from being green. */
function lightOf(name: keyof Readings, value: number | boolean | undefined): Light {
  const known = Number(value ?? NaN);
  return Number.isNaN(known) ? 'green' : INPUTS[name](known);
}
