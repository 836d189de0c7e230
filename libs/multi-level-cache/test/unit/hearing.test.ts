/** What follows from a message through PostgreSQL that is sealed, forged, told twice, or by somebody who has another secret. */
import { createSecretKey, randomBytes } from 'node:crypto';
import { beforeEach, describe, expect, it } from 'vitest';
import type { Change } from '../../src/core/tier.js';
import { Address, Scope } from '../../src/core/key.js';
import { GcmMessageSeal } from '../../src/security/message-seal.js';
import { FakeClock } from '../../src/testing/fake-clock.js';
import { Announcements } from '../../src/tiers/database/backplane.js';
import { Hearing } from '../../src/tiers/database/hearing.js';

const secret = createSecretKey(randomBytes(32));
const PARTITION_MS = 30_000;

const talker = (channel = 'c', key = secret): Announcements =>
  new Announcements(channel, new GcmMessageSeal('shop', key));
const deleted = (...keys: readonly string[]): Change => {
  const scope = new Scope('shop', 'p', 'default', { groups: [], types: new Map() });
  return { kind: 'delete', addresses: keys.map((key) => new Address(scope, key)) };
};
const said = (by: Announcements, key = 'k', debt?: string): string =>
  by.of(deleted(key), debt)[1][0];

let clock: FakeClock;
let events: string[];
let own: Announcements;
let hearing: Hearing;
beforeEach(() => {
  clock = new FakeClock();
  events = [];
  own = talker();
  hearing = new Hearing({
    announcements: own,
    clock,
    partitionTtl: PARTITION_MS,
    onRefused: (what) => void events.push(`refused ${what}`),
    listener: () => ({
      changed: (change, debt) => void events.push(`${change.kind} ${debt ?? ''}`.trim()),
      lost: () => void events.push('lost'),
      state: () => undefined,
    }),
  });
});

describe('a message', () => {
  it('of another instance is taken once, and says nothing to others', () => {
    const message = said(talker());
    expect(message).toMatch(/^z [\w-]+$/);
    hearing.hear(message);
    expect(events).toEqual(['delete']);
    hearing.hear(message);
    expect(events).toEqual(['delete', 'refused message']);
    expect(hearing.rubbish).toBe(1);
    clock.advance(10 * PARTITION_MS);
    expect(events).toHaveLength(2);
  });

  it('of this process is passed over, unless it names a debt', () => {
    hearing.hear(said(own));
    hearing.hear(said(own, 'k', 'x.0'));
    expect(events).toEqual(['delete x.0']);
  });

  it('that does not fit is several, each as short as PostgreSQL takes it', () => {
    const keys = Array.from({ length: 500 }, (_zero, at) => `${'k'.repeat(90)}${at}`);
    const messages = talker().of(deleted(...keys))[1];
    expect(messages.length).toBeGreaterThan(1);
    for (const message of messages) {
      expect(Buffer.byteLength(message)).toBeLessThanOrEqual(7_900);
      hearing.hear(message);
    }
    expect(events).toEqual(messages.map(() => 'delete'));
    hearing.hear(talker().of(deleted('k'.repeat(9_000)))[1][0]);
    expect(events.at(-1)).toBe('lost');
  });

  it('overtaken by others of its sender is taken', () => {
    const by = talker();
    const messages = Array.from({ length: 100 }, () => said(by));
    for (const message of messages.toReversed()) hearing.hear(message);
    expect(events).toEqual(messages.map(() => 'delete'));
  });
});

describe.each<[string, () => string]>([
  ['in clear', () => said(new Announcements('c'))],
  ['rubbish', () => 'rubbish'],
  ['empty', () => ''],
  ['with another secret', () => said(talker('c', createSecretKey(randomBytes(32))))],
  ['of another channel', () => said(talker('d'))],
])('a message %s', (_what, made) => {
  it('is refused and counted, and nothing is forgotten at once', () => {
    hearing.hear(made());
    expect(events).toEqual(['refused message']);
    expect(hearing.rubbish).toBe(1);
    clock.advance(PARTITION_MS - 1);
    expect(events).not.toContain('lost');
  });

  it('is no reason to trust memory for longer than partitionTtl, nor to empty it more often', () => {
    for (let ms = 0; ms < 10 * PARTITION_MS; ms += 100) {
      hearing.hear(made());
      clock.advance(100);
    }
    const forgot = events.filter((event) => event === 'lost').length;
    expect(forgot).toBeGreaterThanOrEqual(9);
    expect(forgot).toBeLessThanOrEqual(10);
    hearing.close();
    clock.advance(2 * PARTITION_MS);
    expect(events.filter((event) => event === 'lost')).toHaveLength(forgot);
  });
});

it('a message so late that it is not known to have been heard makes memory forget in time', () => {
  const by = talker();
  const late = said(by);
  for (let at = 0; at < 4_200; at++) hearing.hear(said(by));
  hearing.hear(late);
  expect(events.at(-1)).toBe('refused message');
  clock.advance(PARTITION_MS);
  expect(events.at(-1)).toBe('lost');
});
