/** No two keys share a spelling: a million of hostile ones, each against all the others. */
import { expect, it } from 'vitest';
import { seeded } from '../../../../test/support/random.mjs';
import { defaultKey } from '../../src/core/default-key.js';
import { Address, Scope, tenantName } from '../../src/core/key.js';

/** Set to more for a longer run. */
const CASES = Number(process.env['INJECTIVE_CASES'] ?? 1_000_000);
/** Short, so that what could be mistaken for each other meets often. */
const LONGEST = 4;

const PIECES = [
  'a',
  'b',
  'p',
  't',
  ':',
  '::',
  '%',
  '%3a',
  '%25',
  '@',
  '{',
  '}',
  '*',
  '?',
  '[',
  ']',
  '\\',
  '/',
  '|',
  '~',
  '#',
  ' ',
  '\u00e9',
  'e\u0301',
  '\u{1f600}',
  '\uffff',
  '\u2028',
  '0',
  '-0',
  '1',
  "'",
  '"',
  'null',
  'undefined',
  '__proto__',
  'constructor',
  '..',
  ',',
  '(',
  ')',
  '=',
  '&',
];

const random = seeded(20_261_126);
const below = (most: number): number => Math.floor(random() * most);
const some = <T>(list: readonly T[]): T => list[below(list.length)];
const text = (least = 1): string =>
  Array.from({ length: least + below(LONGEST) }, () => some(PIECES)).join('');

/** What was spelled so before, by spelling. */
class Spellings {
  readonly #known = new Map<string, string>();
  distinct = 0;
  collisions = 0;

  add(spelling: string, meaning: string): void {
    const known = this.#known.get(spelling);
    if (known === undefined) {
      this.#known.set(spelling, meaning);
      this.distinct++;
    } else if (known !== meaning) this.collisions++;
  }
}

it('of tenant, cache, user and key', () => {
  const spellings = { name: new Spellings(), redis: new Spellings(), row: new Spellings() };
  const caches = ['a', 'b', 'default', 'a.b', 'p', 't'];
  for (let n = 0; n < CASES; n++) {
    const tenant = tenantName(below(4) === 0 ? undefined : text());
    const [cache, subject] = [some(caches), below(3) === 0 ? text() : undefined];
    // Some are long: those are hashed.
    const key = below(50) === 0 ? text().repeat(60).slice(0, 300) : text();
    const meaning = JSON.stringify([tenant, cache, subject, key]);
    const address = new Address(new Scope('app', tenant, cache, undefined, subject), key);
    spellings.name.add(address.name, meaning);
    spellings.redis.add(address.entryKey, meaning);
    spellings.row.add(`${tenant}\u0000${address.rowHash}`, meaning);
  }
  for (const { collisions, distinct } of Object.values(spellings)) {
    expect(collisions).toBe(0);
    expect(distinct).toBeGreaterThan(CASES / 2);
  }
}, 240_000);

/** A value, and a text that no other value has. */
type Made = readonly [value: unknown, meaning: string];

const list = (): Made[] => Array.from({ length: below(3) }, () => value());
const PLAIN: readonly Made[] = [
  [undefined, 'undefined'],
  [null, 'null'],
  [true, 'true'],
  [false, 'false'],
  [0n, 'bigint 0'],
  [1n, 'bigint 1'],
];

function made(kind: string, given: unknown): Made {
  return [given, `${kind} ${JSON.stringify(given)}`];
}

function number(): Made {
  const given = some([0, -0, 1, NaN, Infinity, -Infinity, 0.1]);
  return [given, `number ${Object.is(given, -0) ? '-0' : String(given)}`];
}

function value(): Made {
  switch (below(10)) {
    case 0:
      return number();
    case 1: {
      const time = below(3);
      return [new Date(time), `Date ${time}`];
    }
    case 2: {
      const items = list();
      return [items.map(([one]) => one), `[${joined(items)}]`];
    }
    case 3: {
      const members = new Map(list().map((one) => [text(), one] as const));
      const sorted = [...members].toSorted(([a], [b]) => (a < b ? -1 : 1));
      const meaning = sorted.map(([name, [, of]]) => [name, of]);
      const pairs = [...members].map(([name, [one]]) => [name, one] as const);
      return [Object.fromEntries(pairs), `{${JSON.stringify(meaning)}}`];
    }
    case 4: {
      const items = list();
      return [new Set(items.map(([one]) => one)), setMeaning(items)];
    }
    case 5: {
      const bytes = Buffer.from(text());
      return [bytes, `Buffer ${bytes.toString('hex')}`];
    }
    case 6:
      return made('text', text(0));
    default:
      return some(PLAIN);
  }
}

function joined(items: readonly Made[]): string {
  return JSON.stringify(items.map(([, meaning]) => meaning));
}

/** A set holds each once, and no -0: it makes 0 of it. */
function setMeaning(items: readonly Made[]): string {
  const meanings = new Map(
    items.map(([one, meaning]) => [one, meaning === 'number -0' ? 'number 0' : meaning]),
  );
  return `Set ${JSON.stringify([...meanings.values()])}`;
}

it('of argument lists', () => {
  const spellings = new Spellings();
  for (let n = 0; n < CASES; n++) {
    const args = Array.from({ length: below(4) }, () => value());
    const key = defaultKey(
      'Class#method',
      args.map(([one]) => one),
    );
    spellings.add(key, joined(args));
  }
  expect(spellings.collisions).toBe(0);
  expect(spellings.distinct).toBeGreaterThan(CASES / 20);
}, 240_000);
