// When a process got no processor: it could hear nothing then, and forward nothing.
import { now } from './clock.mjs';

const TURN_MS = 5;
/** A turn that took this long: the machine was busy with others. */
const STALL_MS = 12;

/** Tells each stall of this process; call what it returns to end that. */
export function watchStalls(found) {
  let turn = now();
  const timer = setInterval(() => {
    const [start, end] = [turn, (turn = now())];
    if (end - start > STALL_MS) found({ start, end });
  }, TURN_MS);
  return () => clearInterval(timer);
}

/** Stalls of several processes as those of one that stands still whenever any of them does. */
export function together(stalls) {
  const merged = [];
  for (const { start, end } of stalls.toSorted((a, b) => a.start - b.start)) {
    const last = merged.at(-1);
    if (last && start <= last.end) last.end = Math.max(last.end, end);
    else merged.push({ start, end });
  }
  return merged;
}
