/** Who may use a connection, who waits, and who is sent away. */
import { expect, it } from 'vitest';
import { Turnstile } from '../../src/tiers/database/turnstile.js';

it('lets in as many as there are places, urgent ones first, and refuses beyond its line', async () => {
  const turnstile = new Turnstile(2);
  const order: string[] = [];
  const leave = [await turnstile.enter(false), await turnstile.enter(false)];
  const later = (name: string, urgent: boolean): Promise<void> =>
    turnstile.enter(urgent).then((out) => {
      order.push(name);
      leave.push(out);
    });
  const waiting = Array.from({ length: 64 }, (_zero, n) => later(`read ${n}`, false));
  await expect(turnstile.enter(false)).rejects.toMatchObject({ code: 'CACHE_TIER_UNAVAILABLE' });
  waiting.push(later('delete', true));
  expect(order).toEqual([]);
  while (order.length < 65) {
    leave.shift()!();
    await new Promise((resolve) => setImmediate(resolve));
  }
  expect(order.slice(0, 2)).toEqual(['delete', 'read 0']);
  await Promise.all(waiting);
  while (leave.length > 0) leave.shift()!();
  await turnstile.enter(false);
});
