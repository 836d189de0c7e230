/** Runs long work in short slices, so that requests have their turn between two of them. */
import type { Clock } from '../core/clock.js';

const SLICE_MS = 1;

/** Runs the steps to their end; a step is as long as it is, and after a millisecond of them everything else comes first. */
export async function inSlices<T>(clock: Clock, steps: Generator<void, T>): Promise<T> {
  let began = clock.now();
  for (;;) {
    const step = steps.next();
    if (step.done) return step.value;
    if (clock.now() - began < SLICE_MS) continue;
    await clock.turn();
    began = clock.now();
  }
}
