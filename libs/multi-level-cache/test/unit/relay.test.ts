/** What nobody was to make before a time that has come: made by whoever finds it, and struck only then. */
import { describe, expect, it } from 'vitest';
import type { RemoteChange, SharedDebt } from '../../src/core/tier.js';
import { Background } from '../../src/manager/background.js';
import { Relay } from '../../src/manager/relay.js';
import { FakeClock } from '../../src/testing/index.js';

const change = (key: string): RemoteChange => ({ kind: 'delete', keys: [['p', 'default', key]] });
const debt = (id: string, key: string): SharedDebt => ({ id, change: change(key) });

function setup(batches: SharedDebt[][], fails: (key: string) => boolean = () => false) {
  const clock = new FakeClock();
  const struck: string[] = [];
  const made: string[] = [];
  let claims = 0;
  const book = {
    debts: () => Promise.resolve([]),
    claim: () => {
      claims++;
      return Promise.resolve(batches.shift() ?? []);
    },
    strike: (ids: readonly string[]) => {
      struck.push(...ids);
      return Promise.resolve();
    },
  };
  const redo = (one: RemoteChange): Promise<void> => {
    const key = 'keys' in one ? one.keys[0][2] : '';
    made.push(key);
    return fails(key) ? Promise.reject(new Error('away')) : Promise.resolve();
  };
  const relay = new Relay(book, clock, new Background(clock), redo);
  return { relay, clock, struck, made, claims: () => claims };
}

const settled = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

describe('relay', () => {
  it('makes what is due once a second, until nothing is, and strikes it', async () => {
    const { relay, clock, struck, made, claims } = setup([[debt('1', 'a'), debt('2', 'b')]]);
    relay.start();
    clock.advance(999);
    expect(claims()).toBe(0);
    clock.advance(1);
    await settled();
    expect(made).toEqual(['a', 'b']);
    expect(struck).toEqual(['1', '2']);
    expect(claims()).toBe(2);
    clock.advance(1_000);
    await settled();
    expect(claims()).toBe(3);
  });

  it('strikes nothing of a record of which a part could not be made', async () => {
    const batch = [debt('1', 'a'), debt('1', 'away'), debt('2', 'b')];
    const { relay, struck } = setup([batch], (key) => key === 'away');
    relay.look();
    await settled();
    expect(struck).toEqual(['2']);
  });

  it('looks once at a time, and no more when it is closed', async () => {
    const { relay, clock, claims } = setup([]);
    relay.look();
    relay.look();
    await settled();
    expect(claims()).toBe(1);
    relay.start();
    relay.close();
    clock.advance(5_000);
    expect(claims()).toBe(1);
  });
});
