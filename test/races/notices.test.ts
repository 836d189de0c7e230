/** Without Redis: what one instance changes another hears of through PostgreSQL, in one process and between two. */
import { describe, expect, it } from 'vitest';
import { endNodes, PLACES, type Node } from './nodes.js';
import { freshNamespace } from '../support/servers.js';
import { databaseUrl } from '../support/servers.js';

endNodes();

const SOON = { timeout: 1_000 };

describe.each(PLACES)('L1+L3, nodes in $where', ({ start }) => {
  async function two(): Promise<readonly [a: Node, b: Node]> {
    const urls = { namespace: freshNamespace(), database: databaseUrl() };
    const [a, b] = await Promise.all([start(urls), start(urls)]);
    for (const node of [a, b]) {
      await node.ask('getOrSet', { value: 'old', tags: ['t'] });
      expect(await node.ask('peek')).toBe('old');
    }
    return [a, b];
  }

  it.each(['delete', 'expire', 'tag', 'clear', 'touch'] as const)(
    'R2: %s on A: gone from B’s memory as soon as B has heard',
    async (change) => {
      const [a, b] = await two();
      await a.ask(change);
      await expect.poll(() => b.ask('peek'), SOON).toBeUndefined();
    },
  );
});
