/** Names of servers are looked up late or not at all: whoever connects waits for that, and no request does. */
import dns from 'node:dns';
import { expect, vi } from 'vitest';
import { testCache } from '../../../support/cache.js';
import { endAfterEach, kept, later } from '../../../support/ends.js';
import {
  freshNamespace,
  startPostgres,
  startRedis,
  type Server,
} from '../../../support/servers.js';
import { Load } from '../load.js';
import { row } from '../row.js';
import { unharmed, untilUp } from '../stage.js';

const BUDGET = 20;
/** The first contact may take a second. */
const BOOT_MS = 1_100;
const SLOW_MS = 5_000;
const HOST = 'server.test';

endAfterEach();

type Answer = 'well' | 'slow' | 'not found';

/** Stands in for the resolver of this process, for one name. */
class Resolver {
  answer: Answer = 'well';
  /** Questions at a time, at most: each holds one of four threads of the process. */
  most = 0;
  #asked = 0;

  constructor() {
    const { lookup } = dns;
    const answered = (host: string, options: dns.LookupOptions, callback: Callback): void => {
      if (host === HOST) this.#ask(options, callback);
      else lookup(host, options, callback as never);
    };
    const spy = vi.spyOn(dns, 'lookup').mockImplementation(answered as never);
    later(() => Promise.resolve(spy.mockRestore()));
  }

  /** Where a server is that listens here. */
  url({ url }: Server): string {
    return url.replace('127.0.0.1', HOST);
  }

  #ask({ all }: dns.LookupOptions, callback: Callback): void {
    this.most = Math.max(this.most, ++this.#asked);
    const { answer } = this;
    const reply = (): void => {
      this.#asked--;
      if (answer === 'not found')
        callback(Object.assign(new Error(`getaddrinfo ENOTFOUND ${HOST}`), { code: 'ENOTFOUND' }));
      else if (all) callback(null, [{ address: '127.0.0.1', family: 4 }]);
      else callback(null, '127.0.0.1', 4);
    };
    setTimeout(reply, answer === 'slow' ? SLOW_MS : 1).unref();
  }
}

type Callback = (error: Error | null, address?: unknown, family?: number) => void;

for (const answer of ['slow', 'not found'] as const)
  row(
    32,
    {
      fault: `DNS ${answer === 'slow' ? 'takes 5 s' : 'does not know the name'}, at boot and when connections are gone`,
      expected: 'boots within a second, serves at its usual pace; connects once DNS answers',
    },
    async (figures) => {
      const servers = [await kept(startRedis()), await kept(startPostgres())];
      const resolver = new Resolver();
      resolver.answer = answer;
      const began = performance.now();
      const made = await testCache({
        namespace: freshNamespace(),
        redis: resolver.url(servers[0]),
        database: resolver.url(servers[1]),
        budget: BUDGET,
        mayBeDown: true,
      });
      figures.ms('boot', performance.now() - began, BOOT_MS);
      const load = new Load([made.cache], { ttl: 50, writeEvery: 20 });
      later(() => load.stop());
      const states = (): string[] => {
        const { l2, l3 } = made.cache.stats().tiers;
        return [l2.state, l3.state];
      };
      const bad = await load.during(1_500);
      expect(states()).toEqual(['down', 'down']);
      resolver.answer = 'well';
      const ups = await Promise.all([untilUp(made, 'l2'), untilUp(made, 'l3')]);
      figures.ms('connected once it answers', Math.max(...ups), 3_000);

      resolver.answer = answer;
      await Promise.all(servers.map((server) => server.kill()));
      await Promise.all(servers.map((server) => server.restart()));
      await load.next();
      const again = await load.during(1_500);
      expect(states()).toEqual(['down', 'down']);
      resolver.answer = 'well';
      await Promise.all([untilUp(made, 'l2'), untilUp(made, 'l3')]);
      figures.ms('p99 after boot', bad.p99, BUDGET);
      figures.ms('p99 after connections were lost', again.p99, BUDGET);
      figures.count('questions at a time, at most', resolver.most);
      unharmed(figures, bad, again, await load.stop());
    },
  );
