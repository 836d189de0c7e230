/** Lately: what was used lately stays, within one half and two of what it may hold. */
import { expect, it } from 'vitest';
import { Lately } from '../../src/core/lately.js';

function filled(lately: Lately<number, string>, from: number, to: number): void {
  for (let key = from; key < to; key++) lately.set(key, `v${key}`);
}

it('holds at least as much as a half may, and never more than two', () => {
  const lately = new Lately<number, string>(10);
  filled(lately, 0, 100);
  const kept = Array.from({ length: 100 }, (_zero, key) => key).filter((key) => lately.get(key));
  expect(kept.length).toBeGreaterThanOrEqual(10);
  expect(kept.length).toBeLessThanOrEqual(20);
  expect(kept.at(-1)).toBe(99);
});

it('keeps what is used while others come and go', () => {
  const lately = new Lately<number, string>(10);
  lately.set(-1, 'used');
  for (let key = 0; key < 200; key++) {
    lately.set(key, `v${key}`);
    if (key % 5 === 0) expect(lately.get(-1)).toBe('used');
  }
  filled(lately, 200, 220);
  expect(lately.get(-1)).toBeUndefined();
});

it('holds no more than its weight either', () => {
  const lately = new Lately<number, string>(1_000, ({ length }) => length, 100);
  for (let key = 0; key < 50; key++) lately.set(key, 'x'.repeat(10));
  const kept = Array.from({ length: 50 }, (_zero, key) => key).filter((key) => lately.get(key));
  expect(kept.length).toBeLessThanOrEqual(20);
  expect(kept.length).toBeGreaterThanOrEqual(10);
});

it('gives the newer value of a key that stands in both halves', () => {
  const lately = new Lately<number, string>(2);
  lately.set(1, 'old');
  filled(lately, 2, 4);
  lately.set(1, 'new');
  expect(lately.get(1)).toBe('new');
});
