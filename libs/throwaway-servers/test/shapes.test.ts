/** Several servers that belong together: what is asked of them as a whole. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  ask,
  startCluster,
  startSentinel,
  type RedisCluster,
  type Sentinel,
} from 'throwaway-servers';

describe('Sentinel', () => {
  let fleet: Sentinel;
  beforeAll(async () => {
    fleet = await startSentinel();
  });
  afterAll(() => fleet.stop());

  it('fails over when it is asked to', async () => {
    const old = await fleet.primary();
    const promoted = await fleet.failover();
    expect(promoted).not.toBe(old);
    expect((await ask(promoted, 'role')).split('\n')[0]).toBe('master');
  });
});

describe('a cluster', () => {
  let cluster: RedisCluster;
  beforeAll(async () => {
    cluster = await startCluster();
  });
  afterAll(() => cluster.stop());

  it('moves a slot with its keys, a part at a time', async () => {
    const keys = ['{k}1', '{k}2', '{k}3'];
    const from = await cluster.masterOf('k');
    const to = (await cluster.masters()).find((master) => master !== from)!;
    for (const key of keys) expect(await ask(from, 'set', key, `value of ${key}`)).toBe('OK');
    const answers: string[] = [];
    await cluster.moveSlot('k', to, async () => {
      for (const key of keys) answers.push(await ask(from, 'get', key));
    });
    expect(answers.filter((answer) => answer.startsWith('ASK'))).toHaveLength(2);
    expect(answers.filter((answer) => answer.startsWith('value of'))).toHaveLength(1);
    expect(await cluster.masterOf('k')).toBe(to);
    for (const key of keys) expect(await ask(to, 'get', key)).toBe(`value of ${key}`);
    expect(await ask(from, 'get', keys[0])).toMatch(/^MOVED/);
  });
});
