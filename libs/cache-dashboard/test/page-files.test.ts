/** The files of the page: small, without a build, and without a way for a value to become markup. */
import { readdirSync, readFileSync } from 'node:fs';
import { expect, it } from 'vitest';

const FOLDER = new URL('../public/', import.meta.url);
const files = readdirSync(FOLDER).map((name) => ({
  name,
  text: readFileSync(new URL(name, FOLDER), 'utf8'),
}));

it('is 60 KB at most, in modules of 150 lines at most', () => {
  const size = files.reduce((sum, { text }) => sum + Buffer.byteLength(text), 0);
  expect(size).toBeLessThanOrEqual(60 * 1_024);
  for (const { name, text } of files)
    if (name.endsWith('.js')) expect([name, text.split('\n').length <= 151]).toEqual([name, true]);
});

it('puts text in as text only, and says nothing inline', () => {
  for (const { name, text } of files) {
    expect([
      name,
      /innerHTML|outerHTML|insertAdjacent|document\.write|eval\(|new Function|DOMParser/.test(text),
    ]).toEqual([name, false]);
    expect([name, /['" ]style['"]?\s*[:=]|https?:\/\/(?!www\.w3\.org\/)/.test(text)]).toEqual([
      name,
      false,
    ]);
  }
  const page = files.find(({ name }) => name === 'index.html')!.text;
  expect(page).not.toMatch(/<style|<script(?![^>]*src=)| on\w+=/);
});

it('begins each file with what it is', () => {
  for (const { name, text } of files)
    if (/\.(js|css)$/.test(name)) expect(text).toMatch(/^\/\*\*? [A-Z].*[.?] \*\//);
});

interface Words {
  duration(ms: number): string;
  share(part: number, all: number): string;
  bytes(value: number): string;
  sentence(found: object): string;
  headline(who: readonly number[], tiers: object): { most: string; sick: string };
}
const words = (await import(new URL('words.js', FOLDER).href)) as Words;

it.each([
  [0, '0 ms'],
  [0.25, '250 µs'],
  [12.34, '12.3 ms'],
  [1_000, '1 s'],
  [59_400, '59 s'],
  [61_000, '1 min 1 s'],
  [3_600_000, '1 h'],
  [90_061_000, '1 d 1 h'],
])('says %d ms as %s', (ms, text) => {
  expect(words.duration(ms)).toBe(text);
});

it('says shares and sizes', () => {
  const said = [
    words.share(0, 0),
    words.share(1, 3),
    words.share(1, 5_000),
    words.share(9_999, 10_000),
  ];
  expect(said.map((text) => text.replace('\u00a0', ' '))).toEqual([
    '–',
    '33 %',
    '<0.1 %',
    '>99.9 %',
  ]);
  expect([words.bytes(12), words.bytes(1_536), words.bytes(2 ** 30)]).toEqual([
    '12 B',
    '1.5 KB',
    '1 GB',
  ]);
});

it('says what a get() would do', () => {
  const tier = (state: string, more: object = {}): object => ({ state, ...more });
  const say = (answeredBy: string, tiers: object): string => words.sentence({ answeredBy, tiers });
  expect(say('l1', { l1: tier('fresh') })).toBe('A get() now would be answered by L1.');
  expect(say('l3', { l1: tier('absent'), l2: tier('stale'), l3: tier('fresh') })).toBe(
    'A get() now would be answered by L3 and promoted to L1 and L2.',
  );
  expect(say('l3', { l1: tier('absent'), l2: tier('unknown'), l3: tier('fresh') })).toContain(
    'promoted to L1.',
  );
  expect(say('l2', { l1: tier('absent', { keptOut: 'too-large' }), l2: tier('fresh') })).toBe(
    'A get() now would be answered by L2.',
  );
  expect(say('loader', { l1: tier('absent'), l2: tier('stale') })).toBe(
    'A get() now would find nothing fresh; getOrSet() would run its loader. If that fails, the stale value in L2 stands in.',
  );
});

it('says first who answers most and who is sick', () => {
  const up = { state: 'up' };
  const tiers = {
    l1: up,
    l2: { state: 'down', breaker: 'open', reason: 'refused' },
    l3: { state: 'off' },
  };
  const { most, sick } = words.headline([90, 5, 0, 5, 0, 0], tiers);
  expect([most.replace('\u00a0', ' '), sick]).toEqual([
    'L1 answers most: 90 % of 100 requests.',
    'L2 is not asked, refused.',
  ]);
  expect(words.headline([0, 0, 0, 0, 0, 0], { l1: up, l2: up, l3: up })).toEqual({
    most: 'Nothing has been asked yet.',
    sick: '',
  });
});
