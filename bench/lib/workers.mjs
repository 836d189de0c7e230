// Processes that do as they are told, one question at a time.
import { fork } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { subjectsOf } from '../subjects/index.mjs';

const PROGRAM = new URL('subject-process.mjs', import.meta.url);

/** Those that run. */
const running = new Set();

/** @returns `{ first, ask(verb, argument), stop() }`; `first` is what it said once it was ready */
export async function startWorker(program, options) {
  const child = fork(fileURLToPath(program), [JSON.stringify(options)], {
    execArgv: ['--expose-gc', '--no-warnings'],
  });
  running.add(child);
  child.once('exit', () => running.delete(child));
  const answer = () =>
    new Promise((resolve, reject) => {
      const gone = (code) => reject(new Error(`the process of ${options.name} ended with ${code}`));
      child.once('exit', gone);
      child.once('message', ({ result }) => (child.off('exit', gone), resolve(result)));
    });
  const first = await answer();
  return {
    first,
    ask: (verb, argument) => {
      const answered = answer();
      child.send({ verb, argument });
      return answered;
    },
    stop: () => child.kill('SIGKILL'),
  };
}

/**
 * Everybody who can do with these tiers, each in a process of its own, holding `count` values of `size`.
 *
 * @returns `[{ name, kind, verbs, ask }]`, to be given to {@link closeAll}
 */
export async function openAll(
  tiers,
  { redisUrl, postgresUrl },
  { count, size = '100 B', only = () => true },
) {
  const opened = [];
  for (const { file, name, kind } of subjectsOf(tiers).filter(only)) {
    const options = { file, name, tiers, size, count, redisUrl, postgresUrl };
    const { first, ask, stop } = await startWorker(PROGRAM, options);
    opened.push({ name, kind, verbs: first, ask, stop });
  }
  return opened;
}

/** What they hold dies with the servers. */
export function closeAll(opened) {
  for (const { stop } of opened) stop();
}

/** Whoever is left, after a scenario that has failed. */
export function stopAll() {
  for (const child of running) child.kill('SIGKILL');
}
