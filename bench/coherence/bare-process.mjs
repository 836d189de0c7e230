// The least a process can do to hear of others: XADD and a blocked XREAD, with nothing behind them.
import { Redis } from 'ioredis';
import { announceAt, now, serve } from './support.mjs';

const STREAM = 'bare:stream';
const { url } = JSON.parse(process.argv[2]);
const [commands, tail] = [new Redis(url), new Redis(url)];
let listener;

serve({
  prepare: async () => {
    await commands.ping();
  },
  listen: (keys) =>
    new Promise((resolve) => {
      const at = [];
      listener = () => {
        if (at.push(now()) === keys.length) resolve({ at, still: 0 });
      };
    }),
  announce: (how) =>
    announceAt(how, (key) => {
      const payload = JSON.stringify([['p', 'default', key]]);
      const head = ['n', '1234567', 'e', '1234567890', 's', '0123456789ab', 't', 'd'];
      return commands.xadd(STREAM, 'MAXLEN', '~', 10_000, '*', ...head, 'k', payload);
    }),
});

for (let last = '$'; ;) {
  const reply = await tail.xread('COUNT', 500, 'BLOCK', 1_000, 'STREAMS', STREAM, last);
  for (const [, entries] of reply ?? [])
    for (const [id, fields] of entries) {
      last = id;
      if (JSON.parse(fields.at(-1))) listener?.();
    }
}
