// The two processes of a load: the application with its cache, and the generator that knows nothing of it.
import { fork } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';

const at = (name) => fileURLToPath(new URL(name, import.meta.url));

/** @param flags - of Node, for the application */
export async function startApplication(options, flags = []) {
  const child = fork(at('./application.mjs'), [JSON.stringify(options)], { execArgv: flags });
  const { socket } = await said(child);
  const spent = async () => {
    child.send('spent');
    const { cpu, ...rest } = await said(child);
    return { ...rest, cpu: (cpu.user + cpu.system) / 1_000 };
  };
  return { socket, spent, stop: () => ended(child) };
}

export async function startGenerator() {
  // What was never answered is infinite, and JSON would make nothing of it.
  const child = fork(at('./generator.mjs'), { serialization: 'advanced' });
  await said(child);
  return {
    /** Runs one load; what comes back is the run's result. */
    load: async (how) => {
      child.send(how);
      const { result, error } = await said(child);
      if (error) throw new Error(error);
      return result;
    },
    stop: () => child.kill(),
  };
}

/** One load on one application, what it took of a core and in ms, and how many values it loaded and reads it left out. */
export async function loadOn({ application, generator }, how) {
  const before = await application.spent();
  const result = await generator.load({ ...how, socket: application.socket });
  const after = await application.spent();
  const cpuMs = after.cpu - before.cpu;
  return {
    ...result,
    cpu: cpuMs / (after.at - before.at),
    cpuMs,
    loads: after.loads - before.loads,
    skipped: after.stats && after.stats.skipped - before.stats.skipped,
  };
}

async function said(child) {
  const gone = new AbortController();
  const end = once(child, 'exit', { signal: gone.signal }).then(
    ([code]) => {
      throw new Error(`a process of the load ended with ${code}`);
    },
    () => undefined,
  );
  const [message] = await Promise.race([once(child, 'message'), end.then(() => [])]);
  gone.abort();
  return message;
}

async function ended(child) {
  const exit = once(child, 'exit');
  child.send('end');
  const late = setTimeout(() => child.kill('SIGKILL'), 8_000);
  await exit;
  clearTimeout(late);
}
