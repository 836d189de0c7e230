/** Announcements through PostgreSQL as they are spelled, and the connection that hears them, on a clock of the test. */
import { describe, expect, it } from 'vitest';
import { L3 } from '../../../../test/support/options.js';
import { Address, Scope } from '../../src/core/key.js';
import type { Change } from '../../src/core/tier.js';
import { FakeClock } from '../../src/testing/fake-clock.js';
import { Announcements, channelOf, decodeNotice } from '../../src/tiers/database/backplane.js';
import { Notices, type ListeningClient } from '../../src/tiers/database/notices.js';

const scope = new Scope('app', 't:a b', 'default');
const deleted = (...keys: readonly string[]): Change => ({
  kind: 'delete',
  addresses: keys.map((key) => new Address(scope, key)),
});
const of = (change: Change, debt?: string): readonly string[] =>
  new Announcements('c').of(change, debt)[1];

describe('the channel', () => {
  it('is a name that PostgreSQL takes, and another one for each application and schema', () => {
    const long = 'n'.repeat(64);
    const all = [
      channelOf('mlcache', 'shop'),
      channelOf('mlcache', 'shop2'),
      channelOf('other', 'shop'),
      channelOf('mlcache', long),
      channelOf('s'.repeat(40), long),
      channelOf('s'.repeat(40), 'shop'),
    ];
    expect(all[0]).toBe('mlcache:shop');
    expect(new Set(all).size).toBe(all.length);
    for (const name of all) expect(Buffer.byteLength(name)).toBeLessThanOrEqual(63);
  });
});

describe('a message', () => {
  it.each<readonly [Change, unknown]>([
    [
      deleted('k', 'a b'),
      {
        kind: 'delete',
        keys: [
          ['t:a b', 'default', 'k'],
          ['t:a b', 'default', 'a b'],
        ],
      },
    ],
    [
      { ...deleted('k'), kind: 'expire' } as Change,
      { kind: 'expire', keys: [['t:a b', 'default', 'k']] },
    ],
    [
      { kind: 'tags', tenant: 'p', tags: ['a'], soft: true },
      { kind: 'tags', tenant: 'p', tags: ['a'], soft: true },
    ],
    [
      { ...deleted('k'), kind: 'guard', id: 'g', ms: 5 } as Change,
      { kind: 'guard', id: 'g', ms: 5, keys: [['t:a b', 'default', 'k']] },
    ],
  ])('is understood as it was meant', (change, understood) => {
    expect(of(change).map(decodeNotice)).toEqual([{ change: understood, debt: undefined }]);
    expect(of(change, 'x.0').map(decodeNotice)).toEqual([{ change: understood, debt: 'x.0' }]);
  });

  it('is as long as it may be', () => {
    for (let length = 7_000; length < 8_100; length++) {
      for (const debt of [undefined, 'debt.0']) {
        const [message, more] = of(deleted('k'.repeat(length)), debt);
        expect(Buffer.byteLength(message)).toBeLessThanOrEqual(7_900);
        expect(more).toBeUndefined();
      }
    }
  });

  it('of many keys is several, which name no debt: one of them paid would strike it', () => {
    const keys = Array.from({ length: 300 }, (_, at) => `${at}${'k'.repeat(50)}`);
    const notices = of(deleted(...keys), 'debt.0').map(decodeNotice);
    expect(notices.length).toBeGreaterThan(1);
    const named = notices.flatMap((notice) => {
      expect(notice).toMatchObject({ debt: undefined });
      return notice === 'all' || !notice || notice.change.kind === 'tags' ? [] : notice.change.keys;
    });
    expect(named.map(([, , key]) => key)).toEqual(keys);
  });

  it('that no message can hold makes memory forget everything', () => {
    expect(of(deleted('k'.repeat(9_000))).map(decodeNotice)).toEqual(['all']);
    const tags = { kind: 'tags', tenant: 'p', tags: ['t'.repeat(9_000), 'u'] } as const;
    expect(of(tags).map(decodeNotice)).toEqual([
      'all',
      { change: { kind: 'tags', tenant: 'p', tags: ['u'] }, debt: undefined },
    ]);
  });

  it.each([
    '',
    'x',
    'a b',
    'a - d',
    'a - d {}',
    'a - z [["p","c","k"]]',
    'a - d [["p","c"]]',
    '- d []',
  ])('that is not ours is none: %j', (message) => expect(decodeNotice(message)).toBeUndefined());
});

/** Answers as the test wants. */
class Client implements ListeningClient {
  readonly asked: string[] = [];
  readonly #listeners = new Map<string, (message: { readonly payload?: string }) => void>();
  ended = false;
  connects = true;
  answers = true;
  connect(): Promise<unknown> {
    return this.connects ? Promise.resolve() : Promise.reject(new Error('refused'));
  }
  query(text: string): Promise<unknown> {
    this.asked.push(text);
    return this.answers ? Promise.resolve() : new Promise(() => undefined);
  }
  end(): Promise<void> {
    this.ended = true;
    return Promise.resolve();
  }
  on(event: string, listener: (message: { readonly payload?: string }) => void): void {
    this.#listeners.set(event, listener);
  }
  tell(event: 'error' | 'end' | 'notification', payload?: string): void {
    this.#listeners.get(event)?.({ payload: payload! });
  }
}

describe('the connection', () => {
  interface Made {
    readonly clock: FakeClock;
    readonly notices: Notices;
    readonly clients: Client[];
    readonly events: string[];
    readonly pass: (ms: number) => Promise<void>;
    /** The next clients are refused. */
    refuse: boolean;
  }

  function make(): Made {
    const clock = new FakeClock();
    const began = clock.now();
    const [clients, events] = [[] as Client[], [] as string[]];
    const made: Made = {
      clock,
      clients,
      events,
      refuse: false,
      notices: new Notices(
        L3,
        'c"d',
        {
          told: (message) => events.push(`told ${message}`),
          heard: (at) => events.push(`heard ${at - began}`),
          lost: () => events.push('lost'),
        },
        clock,
        () => 1,
        () => {
          const client = new Client();
          client.connects = !made.refuse;
          clients.push(client);
          return client;
        },
      ),
      pass: async (ms) => {
        for (let left = ms; left > 0; left -= 50) {
          clock.advance(50);
          await new Promise((resolve) => setImmediate(resolve));
        }
      },
    };
    return made;
  }

  it('listens, forgets what was before, and proves once a second that all has been heard', async () => {
    const { notices, clients, events, pass } = make();
    await notices.open();
    expect(clients[0].asked).toEqual(['listen "c""d"']);
    await pass(2_000);
    expect(events).toEqual(['lost', 'heard 0', 'heard 1000', 'heard 2000']);
  });

  it('that gives no reply is made anew; what it still says is nothing', async () => {
    const { notices, clients, events, pass } = make();
    await notices.open();
    clients[0].answers = false;
    await pass(3_950);
    expect(clients).toHaveLength(1);
    await pass(200);
    expect(clients[0].ended).toBe(true);
    expect(clients).toHaveLength(2);
    clients[0].tell('notification', 'late');
    clients[0].tell('error');
    clients[1].tell('notification', 'message');
    expect(events).toEqual(['lost', 'heard 0', 'lost', 'heard 4100', 'told message']);
  });

  it('that cannot be made is tried again, at first soon and then every two seconds', async () => {
    const made = make();
    made.refuse = true;
    await made.notices.open();
    const counts: number[] = [];
    for (let second = 0; second < 12; second++) {
      await made.pass(1_000);
      counts.push(made.clients.length);
    }
    expect(counts[0]).toBeGreaterThan(3);
    expect(counts[11] - counts[7]).toBe(2);
    expect(made.clients.every(({ ended }) => ended)).toBe(true);
    expect(made.events).toEqual([]);
    made.refuse = false;
    await made.pass(2_000);
    expect(made.events.slice(0, 1)).toEqual(['lost']);
  });

  it('that has been closed is not made anew, and says nothing', async () => {
    const { notices, clients, events, pass } = make();
    await notices.open();
    clients[0].tell('error');
    await notices.close();
    await pass(5_000);
    expect(clients.slice(1).every(({ asked }) => asked.length === 0)).toBe(true);
    const other = make();
    await other.notices.open();
    await other.notices.close();
    expect(other.clients[0].ended).toBe(true);
    other.clients[0].tell('notification', 'late');
    other.clients[0].tell('end');
    await other.pass(5_000);
    for (const list of [events, other.events]) expect(list).toEqual(['lost', 'heard 0']);
    expect(other.clients).toHaveLength(1);
  });
});
