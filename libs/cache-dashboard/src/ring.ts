/** The last fifteen minutes in steps of five seconds: who answered. Filled while somebody watches, kept afterwards. */
import type { Who } from './snapshot.js';

export const STEP_MS = 5_000;
export const POINTS = 180;

/** When it began, wall time in ms, and who answered in it. */
export type Point = readonly [at: number, ...who: Who];

export class Ring {
  #points: Point[] = [];
  /** Counters when they were last seen; nothing = nobody has watched since. */
  #seen: Who | undefined;

  /** The points of the last quarter of an hour; what nobody watched is left out. */
  points(now: number): readonly Point[] {
    const oldest = stepOf(now) - (POINTS - 1) * STEP_MS;
    return this.#points.filter(([at]) => at >= oldest);
  }

  /** Counts what has come since it was last told; returns the step that it belongs to. */
  add(now: number, who: Who): Point {
    const before = this.#seen ?? who;
    this.#seen = who;
    const at = stepOf(now);
    const last = this.#points.at(-1);
    const open: Point = last?.[0] === at ? last : [at, 0, 0, 0, 0, 0, 0];
    // Counters only grow; a smaller one would be another cache's.
    const grown = who.map((count, index) => Math.max(count - before[index], 0));
    const [, ...sums] = open;
    const point = [at, ...sums.map((sum, index) => sum + grown[index])] as unknown as Point;
    if (open === last) this.#points.pop();
    this.#points.push(point);
    if (this.#points.length > POINTS) this.#points.shift();
    return point;
  }

  /** Nobody watches any more: what happens until somebody does is of no known time, and drawn as a gap. */
  pause(): void {
    this.#seen = undefined;
  }
}

function stepOf(now: number): number {
  return Math.floor(now / STEP_MS) * STEP_MS;
}
