/** R13: a key is invalidated in a transaction, and others load it before that commits. */
import { describe, expect, it } from 'vitest';
import { databaseUrl } from '../support/servers.js';
import { endNodes, expectGone, pair, PLACES } from './nodes.js';

endNodes();

describe.each(PLACES)('R13, nodes in $where', (place) => {
  describe.each([
    { title: 'L1+L2+L3', database: true },
    { title: 'L1+L2', database: false },
  ])('$title', (shape) => {
    it('A invalidates in a transaction, B loads the old value and stores it, A commits: in no tier', async () => {
      const { a, b, newcomer } = await pair(place, shape);
      await a.ask('invalidateIn', databaseUrl());
      expect(await b.ask('getOrSet', { value: 'old' })).toBe('old');
      expect(await (await newcomer()).ask('get')).toBe('old');
      await a.ask('commit');
      await expectGone(a, b, await newcomer());
    });

    it('A invalidates in a transaction, a load starts in B, A commits, the load commits: in no tier', async () => {
      const { a, b, newcomer } = await pair(place, shape);
      await a.ask('invalidateIn', databaseUrl());
      await b.ask('begin');
      await a.ask('commit');
      expect(await b.ask('finish', 'old')).toBe('old');
      await expectGone(a, b, await newcomer());
    });
  });
});
