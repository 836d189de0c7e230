/** The logistic regression of the learned predictor: its gradient, its learning, and what it keeps. */
import { describe, expect, it } from 'vitest';
import { Ftrl, type Example } from '../../src/warming/ftrl.js';
import { seeded } from '../../../../test/support/random.mjs';

const EXAMPLE: Example = { at: [0, 2, 3], values: [1, -0.5, 2] };
const loss = (model: Ftrl, example: Example, label: 0 | 1): number => {
  const p = model.predict(example);
  return -Math.log(label === 1 ? p : 1 - p);
};
/** Label 1 where the second feature is on. */
function* separable(): Generator<[Example, 0 | 1], never> {
  const random = seeded(5);
  for (;;) {
    const label = random() < 0.5 ? 1 : 0;
    yield [{ at: [0, 1 + label], values: [1, 1] }, label];
  }
}
const taught = (examples: number): Ftrl => {
  const model = new Ftrl({ features: 4 });
  const stream = separable();
  for (let taken = 0; taken < examples; taken++) model.learn(...stream.next().value);
  return model;
};

describe('Ftrl', () => {
  it.each([0, 1] as const)(
    'has the gradient of -ln p, label %i, by finite differences',
    (label) => {
      const weights = [0.3, 0, -0.7, 0.2];
      const step = 1e-6;
      const at = (moved: number, by: number): number => {
        const prior = (feature: number): number => weights[feature] + (feature === moved ? by : 0);
        return loss(new Ftrl({ features: 4, prior }), EXAMPLE, label);
      };
      const model = new Ftrl({ features: 4, prior: (feature) => weights[feature] });
      model.gradient(EXAMPLE, label).forEach((slope, index) => {
        const feature = EXAMPLE.at[index];
        expect(slope).toBeCloseTo((at(feature, step) - at(feature, -step)) / (2 * step), 6);
      });
    },
  );

  it('lowers the loss on a stream that can be told apart', () => {
    const [before, after] = [taught(0), taught(2_000)].map((model) => {
      const stream = separable();
      let sum = 0;
      for (let n = 0; n < 100; n++) sum += loss(model, ...stream.next().value);
      return sum / 100;
    });
    expect(before).toBeCloseTo(Math.LN2);
    expect(after).toBeLessThan(0.2);
  });

  it('weighs a feature it has never seen as it was told to', () => {
    const model = new Ftrl({ features: 4, prior: (feature) => feature });
    model.learn({ at: [1], values: [1] }, 0);
    expect(model.weight(3)).toBe(3);
    expect(model.weight(1)).toBeLessThan(1);
  });

  it('predicts the same after it was kept and restored', () => {
    const model = taught(300);
    const restored = new Ftrl({ features: 4 });
    expect(restored.restore(JSON.parse(JSON.stringify(model.snapshot())))).toBe(true);
    const example = { at: [0, 1, 2], values: [1, 0.5, 0.5] };
    expect(restored.predict(example)).toBeCloseTo(model.predict(example), 5);
  });

  it.each([
    [undefined],
    ['weights'],
    [[[1, 2]]],
    [[[4, 1, 1]]],
    [[[0.5, 1, 1]]],
    [[[0, 1, -1]]],
    [
      [
        [0, 9, 9],
        [1, null, 1],
      ],
    ],
  ])('refuses what is no snapshot, and stays as it is: %j', (rubbish) => {
    const model = taught(50);
    const before = model.snapshot();
    expect(model.restore(rubbish)).toBe(false);
    expect(model.snapshot()).toEqual(before);
  });
});
