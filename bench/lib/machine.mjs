// On what it runs, and whether anything else does.
import os from 'node:os';

/** Of all cores. */
const IDLE_ENOUGH = 0.85;
const LOOK_MS = 2_000;
const WAIT_MS = 30_000;

export const pause = (ms) => new Promise((resolve) => setTimeout(resolve, ms));
export const loadAverage = () => os.loadavg()[0].toFixed(2);

/** `[name, value]` of the machine. */
export const machine = () => [
  ['Node', process.version],
  ['CPU', `${os.cpus().length} x ${os.cpus()[0]?.model.trim() ?? 'unknown'}`],
  ['System', `${os.type()} ${os.release()}`],
  ['Date', new Date().toISOString().slice(0, 10)],
];

/**
 * Whether others leave the machine to us. Our own work counts in the load average for a minute, but not in what processors do now, as
 * long as nothing of ours runs.
 */
export async function isIdle({ lookMs = LOOK_MS, waitMs = WAIT_MS, look = idleShare } = {}) {
  const until = performance.now() + waitMs;
  for (;;) {
    const share = await look(lookMs);
    if (share >= IDLE_ENOUGH) return { idle: true, share };
    if (performance.now() + lookMs > until) return { idle: false, share };
  }
}

async function idleShare(ms) {
  const before = os.cpus();
  await pause(ms);
  return shareBetween(before, os.cpus());
}

/** Of the time between two readings of `os.cpus()`. */
export function shareBetween(before, after) {
  let [idle, all] = [0, 0];
  for (const [core, { times }] of after.entries()) {
    const then = before[core]?.times ?? {};
    for (const [kind, ms] of Object.entries(times)) {
      const spent = ms - (then[kind] ?? 0);
      all += spent;
      if (kind === 'idle') idle += spent;
    }
  }
  return all === 0 ? 0 : idle / all;
}

/** On one line, and whether verdicts may be given now: for a benchmark whose parts each look for themselves. */
export async function standing() {
  const share = await idleShare(LOOK_MS);
  const [[, node], [, cpu], , [, date]] = machine();
  return { line: `Node ${node}, ${cpu}, ${date}`, idle: share, judged: share >= IDLE_ENOUGH };
}
