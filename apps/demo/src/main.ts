/** `npm start`: servers (given or own ones), then the application. */
import 'reflect-metadata';
import { NestFactory } from '@nestjs/core';
import { provideServers } from 'throwaway-servers';
import { AppModule } from './app.module.js';

const servers = await provideServers();
process.env['REDIS_URL'] = servers.redisUrl;
process.env['DATABASE_URL'] = servers.databaseUrl;

async function end(app: { close(): Promise<void> }): Promise<void> {
  await app.close();
  await servers.stop();
  process.exit(0);
}

try {
  const app = await NestFactory.create(AppModule);
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
    process.once(signal, () => void end(app));
  }
  const port = Number(process.env['PORT'] ?? 3000);
  await app.listen(port, '127.0.0.1');
  process.stdout.write(`\nOpen ${(await app.getUrl()).replace('127.0.0.1', 'localhost')}\n`);
} catch (error) {
  const taken = error instanceof Error && 'code' in error && error.code === 'EADDRINUSE';
  process.stderr.write(
    taken ? 'The port is taken; choose another one: PORT=3001 npm start\n' : `${String(error)}\n`,
  );
  await servers.stop();
  process.exit(1);
}
