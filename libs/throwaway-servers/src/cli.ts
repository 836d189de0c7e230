/** `npm run servers`: both servers until Ctrl-C. */
import { provideServers } from './servers.js';

const servers = await provideServers({});
process.stdout.write(`REDIS_URL=${servers.redisUrl}\nDATABASE_URL=${servers.databaseUrl}\n`);
process.stderr.write(
  'Both run until Ctrl-C. In another terminal: REDIS_URL=… DATABASE_URL=… npm start\n',
);
const keepAlive = setInterval(() => undefined, 60_000);
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
  process.once(signal, () => {
    clearInterval(keepAlive);
    void servers.stop().then(() => process.exit(0));
  });
}
