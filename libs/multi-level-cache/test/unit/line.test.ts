/** A line that anybody may leave. */
import { expect, it } from 'vitest';
import { Line, Place } from '../../src/core/line.js';

class Named extends Place {
  constructor(readonly by: string) {
    super();
  }
}

const standing = (line: Line<Named>): string[] => line.all().map(({ by }) => by);

it('keeps the order in which they came, whoever leaves', () => {
  const line = new Line<Named>();
  const [a, b, c, d] = ['a', 'b', 'c', 'd'].map((name) => line.enter(new Named(name)));
  expect([standing(line), line.size, line.first]).toEqual([['a', 'b', 'c', 'd'], 4, a]);
  line.leave(b);
  expect([standing(line), line.size]).toEqual([['a', 'c', 'd'], 3]);
  line.leave(a);
  expect([standing(line), line.first]).toEqual([['c', 'd'], c]);
  line.leave(d);
  line.enter(new Named('e'));
  expect(standing(line)).toEqual(['c', 'e']);
});

it('is left once', () => {
  const line = new Line<Named>();
  const [a, b] = [line.enter(new Named('a')), line.enter(new Named('b'))];
  expect([a.isTaken, line.leave(a), line.leave(a), a.isTaken]).toEqual([true, true, false, false]);
  expect([standing(line), line.size]).toEqual([['b'], 1]);
  line.leave(b);
  expect([line.size, line.first]).toEqual([0, undefined]);
});

it('shows all as they stand, also while they leave', () => {
  const line = new Line<Named>();
  for (const name of ['a', 'b', 'c']) line.enter(new Named(name));
  const met = line.all().map((place) => {
    line.leave(place);
    line.enter(new Named('later'));
    return place.by;
  });
  expect(met).toEqual(['a', 'b', 'c']);
  expect(standing(line)).toEqual(['later', 'later', 'later']);
});
