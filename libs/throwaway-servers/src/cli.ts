/** `npm run servers`: both servers until Ctrl-C. */
import { provideServers } from './servers.js';

const { redisUrl, databaseUrl, stop } = await provideServers({});
process.stdout.write(`REDIS_URL=${redisUrl}\nDATABASE_URL=${databaseUrl}\n`);
process.stderr.write(
  'Both run until Ctrl-C. In another terminal: REDIS_URL=… DATABASE_URL=… npm start\n',
);
const keepAlive = setInterval(() => undefined, 60_000);
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
  process.once(signal, () => {
    clearInterval(keepAlive);
    void stop().then(() => process.exit(0));
  });
}
