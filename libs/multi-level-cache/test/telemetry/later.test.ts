/** When something is recorded: not within the request, soon afterwards, and in any case before somebody collects. */
import type { Attributes, Histogram } from '@opentelemetry/api';
import { expect, it } from 'vitest';
import { Later } from '../../src/telemetry/later.js';

function histogram(): { readonly into: Histogram; readonly seen: [number, Attributes?][] } {
  const seen: [number, Attributes?][] = [];
  const into = { record: (value, attributes) => void seen.push([value, attributes]) } as Histogram;
  return { into, seen };
}

it('records when what was under way has gone on, in the order it came', async () => {
  const [later, { into, seen }] = [new Later(), histogram()];
  later.record(into, 1, { tier: 'l2' });
  later.record(into, 2);
  await Promise.resolve();
  expect(seen).toEqual([]);
  await new Promise((resolve) => setImmediate(resolve));
  expect(seen).toEqual([
    [1, { tier: 'l2' }],
    [2, undefined],
  ]);
  later.record(into, 3);
  await new Promise((resolve) => setImmediate(resolve));
  expect(seen).toHaveLength(3);
});

it('records at once when it is asked to, and each only once', async () => {
  const [later, { into, seen }] = [new Later(), histogram()];
  later.record(into, 1);
  later.flush();
  expect(seen).toHaveLength(1);
  await new Promise((resolve) => setImmediate(resolve));
  expect(seen).toHaveLength(1);
});

it('piles up nothing where nothing else has its turn', () => {
  const [later, { into, seen }] = [new Later(), histogram()];
  for (let at = 0; at < 2_500; at++) later.record(into, at);
  expect(seen).toHaveLength(2_000);
});
