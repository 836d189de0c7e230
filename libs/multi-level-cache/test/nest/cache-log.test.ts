/** What an operator reads: the names of lines, and that none floods the log. */
import type { Logger } from '@nestjs/common';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { EventHub } from '../../src/core/events.js';
import { CacheLog } from '../../src/nest/cache-log.js';

let events: EventHub;
let lines: string[];
let log: CacheLog;
let now: number;

beforeEach(() => {
  vi.useFakeTimers();
  now = 1_000_000;
  events = new EventHub('test');
  lines = [];
  const note = (level: string) => (line: string) => void lines.push(`${level} ${line}`);
  log = new CacheLog({ log: note('log'), warn: note('warn') } as unknown as Logger, () => now);
  log.listenTo(events);
});
afterEach(() => {
  log.closed(0);
  vi.useRealTimers();
});

function pass(ms: number): void {
  now += ms;
  vi.advanceTimersByTime(ms);
}
const down = (): void => events.emit('tier', { tier: 'l2', state: 'down', reason: 'refused' });
const up = (): void => events.emit('tier', { tier: 'l2', state: 'up' });
const names = (): string[] => lines.map((line) => line.split(' ')[1].replace(/:$/, ''));

describe('a tier', () => {
  it('is told of when it goes and when it is back', () => {
    down();
    up();
    expect(lines).toEqual([
      'warn cache.tier.opened: l2 is down, refused: the cache works without it until it is back',
      'log cache.tier.closed: l2 is up',
    ]);
  });

  it('that flaps is told of once a minute, and last as it is', () => {
    for (let times = 0; times < 20; times++) {
      down();
      pass(100);
      up();
      pass(100);
    }
    pass(120_000);
    expect(names()).toEqual(['cache.tier.opened', 'cache.tier.closed']);
    down();
    up();
    down();
    pass(59_000);
    expect(names().slice(2)).toEqual(['cache.tier.opened', 'cache.tier.closed']);
    pass(1_000);
    expect(names().slice(4)).toEqual(['cache.tier.opened']);
    expect(lines.at(-1)).toContain('(1 times since)');
  });

  it('does not silence another one', () => {
    down();
    events.emit('tier', { tier: 'l3', state: 'down' });
    expect(names()).toEqual(['cache.tier.opened', 'cache.tier.opened']);
  });

  it('says that waiting does not help', () => {
    events.emit('tier', { tier: 'l2', state: 'down', reason: 'WRONGPASS', config: true });
    expect(lines[0]).toMatch(/does not heal by itself/);
  });

  it('is not told of where a value was too large', () => {
    events.emit('tier', { tier: 'l2', state: 'up', reason: 'too-large' });
    expect(lines).toEqual([]);
  });
});

it('what happens all the time is a line a minute, which says how often', () => {
  const denied = { action: 'read', cache: 'default', code: 'CACHE_ACCESS_DENIED' } as const;
  for (let times = 0; times < 1_000; times++) events.emit('denied', denied);
  expect(lines).toEqual([
    'warn cache.access.denied: CACHE_ACCESS_DENIED: read in the cache default',
  ]);
  pass(60_000);
  expect(lines.slice(1)).toEqual([
    'warn cache.access.denied: CACHE_ACCESS_DENIED: read in the cache default (999 times since)',
  ]);
});

it('each of the others has its name', () => {
  events.emit('backplane', { state: 'deaf' });
  events.emit('backplane', { state: 'recovered' });
  events.emit('corrupt', { cache: 'default', tier: 'l3' });
  events.emit('late', { cache: 'default', afterMs: 30_000 });
  events.emit('warmed', {
    planned: 3,
    loaded: 1,
    alreadyFresh: 1,
    failed: 1,
    overBudget: 0,
    durationMs: 12.4,
  });
  expect(names()).toEqual([
    'cache.backplane.deaf',
    'cache.backplane.recovered',
    'cache.envelope.corrupt',
    'cache.loader.late',
    'cache.warming.finished',
  ]);
  expect(lines.at(-1)).toContain('3 planned, 1 loaded, 1 fresh, 1 failed, 0 over budget, in 12 ms');
});

it('says nothing more once it is closed', () => {
  down();
  up();
  down();
  log.closed(3.4);
  pass(120_000);
  down();
  expect(names()).toEqual(['cache.tier.opened', 'cache.tier.closed', 'cache.closed']);
});
