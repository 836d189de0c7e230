/** The book of what a tier is owed: when it is read, and that a tier is bypassed until it says that nothing is. */
import { expect, it } from 'vitest';
import type { DebtBook, SharedDebt } from '../../src/core/tier.js';
import { Background } from '../../src/manager/background.js';
import { SharedDebts } from '../../src/manager/shared-debts.js';
import { FakeClock } from '../../src/testing/fake-clock.js';

class Book implements DebtBook {
  looks = 0;
  away = false;
  list: SharedDebt[] = [];
  readonly owe: (() => Promise<void>) | undefined;

  constructor(announced: boolean) {
    this.owe = announced ? undefined : () => Promise.resolve();
  }

  debts(): Promise<readonly SharedDebt[]> {
    this.looks++;
    return this.away ? Promise.reject(new Error('away')) : Promise.resolve([...this.list]);
  }

  strike(ids: readonly string[]): Promise<void> {
    this.list = this.list.filter(({ id }) => !ids.includes(id));
    return Promise.resolve();
  }
}

const debt = (id: string): SharedDebt => ({ id, change: { kind: 'delete', keys: [] } });
const settled = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

function make(book: Book | undefined): {
  readonly clock: FakeClock;
  readonly shared: SharedDebts;
  readonly paid: string[];
} {
  const clock = new FakeClock();
  const paid: string[] = [];
  const shared = new SharedDebts(book, clock, new Background(clock), (debts) => {
    paid.push(...debts.map(({ id }) => id));
    return Promise.resolve();
  });
  return { clock, shared, paid };
}

it('bypasses the tier from boot until the book has been read and paid, and strikes what is paid', async () => {
  const book = new Book(true);
  book.list = [debt('a'), debt('b')];
  const { shared, paid } = make(book);
  expect(shared.clean).toBe(false);
  await shared.came();
  expect([shared.clean, paid, book.list]).toEqual([true, ['a', 'b'], []]);
});

it('bypasses it again when it went away, until it came back and the book was read', async () => {
  const book = new Book(true);
  const { shared } = make(book);
  await shared.came();
  shared.went();
  expect(shared.clean).toBe(false);
  const coming = shared.came();
  expect(shared.clean).toBe(false);
  await coming;
  expect([shared.clean, book.looks]).toEqual([true, 2]);
});

it('keeps it bypassed while the book cannot be read, and tries again at one pace however long that lasts', async () => {
  const book = new Book(false);
  book.away = true;
  const { clock, shared } = make(book);
  // Beside the time of the looks that come by themselves.
  clock.advance(130);
  await shared.came();
  for (let passed = 0; passed < 60_000; passed += 50) {
    clock.advance(50);
    await settled();
  }
  const before = book.looks;
  for (let passed = 0; passed < 1_000; passed += 50) {
    clock.advance(50);
    await settled();
  }
  expect(book.looks - before).toBeLessThanOrEqual(6);
  expect(shared.clean).toBe(false);
  book.away = false;
  clock.advance(250);
  await settled();
  expect(shared.clean).toBe(true);
});

it('looks once a second where nobody announces what comes in, and not where somebody does', async () => {
  for (const [announced, looks] of [
    [false, 4],
    [true, 1],
  ] as const) {
    const book = new Book(announced);
    const { clock, shared } = make(book);
    await shared.came();
    for (let second = 0; second < 3; second++) {
      clock.advance(1_000);
      await settled();
    }
    expect(book.looks).toBe(looks);
  }
});

it('asks nobody where there is no book', async () => {
  const { shared } = make(undefined);
  expect(shared.clean).toBe(true);
  shared.went();
  await shared.came();
  expect(shared.clean).toBe(true);
});
