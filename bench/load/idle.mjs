// Whether the machine has anything else to do: what is measured beside others says nothing.
import os from 'node:os';

const LOOK_MS = 2_000;
/** Below this share of all cores nothing is judged. */
const LEAST_IDLE = 0.85;

function times() {
  let [idle, all] = [0, 0];
  for (const { times: core } of os.cpus()) {
    idle += core.idle;
    all += core.user + core.nice + core.sys + core.idle + core.irq;
  }
  return { idle, all };
}

export async function idleShare(ms = LOOK_MS) {
  const before = times();
  await new Promise((resolve) => setTimeout(resolve, ms));
  const after = times();
  return (after.idle - before.idle) / Math.max(after.all - before.all, 1);
}

/** Says so, and whether verdicts may be given. */
export async function machine() {
  const idle = await idleShare();
  const cpu = os.cpus();
  const line = `Node ${process.version.slice(1)}, ${cpu.length} cores ${cpu[0]?.model ?? 'of an unknown kind'}, ${new Date().toISOString().slice(0, 10)}`;
  return { line, idle, judged: idle >= LEAST_IDLE };
}
