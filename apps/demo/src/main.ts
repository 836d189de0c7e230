/** `npm start`: servers (given, found or brought along), then the application. */
import { flushTelemetry, scrape, stopTelemetry } from './telemetry.js';
import 'reflect-metadata';
import { NestFactory } from '@nestjs/core';
import { DocumentBuilder, SwaggerModule } from '@nestjs/swagger';
import { AppModule } from './app.module.js';
import { findServers } from './servers/find-servers.js';

const servers = await findServers(process.env);

async function end(app: { close(): Promise<void> }): Promise<void> {
  await flushTelemetry();
  await app.close();
  await stopTelemetry();
  await servers.stop();
  process.exit(0);
}

try {
  const app = await NestFactory.create(AppModule.on(servers));
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
    process.once(signal, () => void end(app));
  }
  app.getHttpAdapter().get('/metrics', scrape);
  const about = new DocumentBuilder().setTitle('Places, cached').setVersion('1').build();
  SwaggerModule.setup('docs', app, () => SwaggerModule.createDocument(app, about));
  const port = Number(process.env['PORT'] ?? 3000);
  await app.listen(port, '127.0.0.1');
  const url = (await app.getUrl()).replace('127.0.0.1', 'localhost');
  process.stdout.write(
    `\nRedis: ${servers.redis.says}\nPostgreSQL: ${servers.postgres.says}\nOpen ${url} (dashboard: ${url}/cache, API: ${url}/docs, metrics: ${url}/metrics)\n`,
  );
} catch (error) {
  const taken = error instanceof Error && 'code' in error && error.code === 'EADDRINUSE';
  process.stderr.write(
    taken ? 'The port is taken; choose another one: PORT=3001 npm start\n' : `${String(error)}\n`,
  );
  await servers.stop();
  process.exit(1);
}
