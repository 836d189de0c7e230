// Many callers in many processes ask for one cold key at once: how often is it loaded?
import { numbers, spread, startGroup } from './support.mjs';

const PROCESSES = 8;
const CALLERS = 500;
const LOAD_MS = 50;
const ROUNDS = 5;

export async function herd(redis) {
  const group = await startGroup('./cache-process.mjs', PROCESSES, { url: redis.url });
  try {
    const [loads, times] = [[], []];
    for (let round = -1; round < ROUNDS; round++) {
      const question = { key: `cold:${round}`, callers: CALLERS, loadMs: LOAD_MS };
      const answers = await Promise.all(
        numbers(PROCESSES).map((index) => group.ask(index, 'herd', question)),
      );
      if (round < 0) continue;
      loads.push(answers.reduce((sum, { result }) => sum + result.loads, 0));
      times.push(Math.max(...answers.map(({ result }) => result.ms)));
    }
    return [
      `herd of ${PROCESSES} x ${CALLERS} callers on a cold key: ${loads.join(', ')} loads (bar: 1), last answer after ${spread(times, 0)} ms of which the loader takes ${LOAD_MS}`,
    ];
  } finally {
    group.stop();
  }
}
