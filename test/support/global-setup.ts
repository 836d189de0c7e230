/** One Redis and one PostgreSQL for the whole test run; the run fails where they cannot be had. */
import { provideServers } from 'throwaway-servers';
import type { TestProject } from 'vitest/node';

declare module 'vitest' {
  export interface ProvidedContext {
    redisUrl: string;
    databaseUrl: string;
  }
}

export default async function setup(project: TestProject): Promise<() => Promise<void>> {
  // Always own ones: tests flush and count, which nobody wants done to a server of theirs.
  const servers = await provideServers({});
  project.provide('redisUrl', servers.redisUrl);
  project.provide('databaseUrl', servers.databaseUrl);
  return () => servers.stop();
}
