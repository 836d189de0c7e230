/** What warming may cost: earned by misses, spent on loads, one bucket a tenant. */
import { describe, expect, it } from 'vitest';
import { Budget } from '../../src/warming/budget.js';

const missed = (budget: Budget, tenant: string, times: number): void => {
  for (let n = 0; n < times; n++) budget.missed(tenant);
};

describe('Budget', () => {
  it('grants a share of the misses, and nothing without them', () => {
    const budget = new Budget({ share: 0.5, most: 1_000 });
    expect(budget.tick(1).size).toBe(0);
    missed(budget, 'p', 40);
    expect(budget.tick(1).get('p')).toBe(20);
  });

  it('takes off what was spent', () => {
    const budget = new Budget({ share: 1, most: 1_000 });
    missed(budget, 'p', 10);
    budget.tick(1);
    budget.spend('p', 7);
    expect(budget.tick(1).get('p')).toBe(3);
  });

  it('saves up what a few ticks earn, and no more', () => {
    const budget = new Budget({ share: 1, most: 1_000 });
    let granted = 0;
    for (let tick = 0; tick < 50; tick++) {
      missed(budget, 'p', 10);
      granted = budget.tick(1).get('p')!;
    }
    expect(granted).toBe(40);
  });

  it('saves up one load where little is earned', () => {
    const budget = new Budget({ share: 0.1, most: 1_000 });
    const granted = Array.from({ length: 12 }, () => {
      missed(budget, 'p', 1);
      return budget.tick(1).get('p');
    });
    expect(granted[0]).toBe(0);
    expect(granted.at(-1)).toBe(1);
  });

  it('keeps tenants apart: what one earns and spends is no matter to another', () => {
    const budget = new Budget({ share: 1, most: 1_000 });
    missed(budget, 't:a', 10);
    missed(budget, 't:b', 4);
    budget.spend('t:a', 0);
    expect([...budget.tick(1)]).toEqual([
      ['t:a', 10],
      ['t:b', 4],
    ]);
    budget.spend('t:a', 10);
    expect([...budget.tick(1)]).toEqual([
      ['t:a', 0],
      ['t:b', 4],
    ]);
  });

  it('grants no more than a tick may cost, to all together, each its share', () => {
    const budget = new Budget({ share: 1, most: 10 });
    missed(budget, 't:a', 30);
    missed(budget, 't:b', 10);
    expect([...budget.tick(1)]).toEqual([
      ['t:a', 8],
      ['t:b', 2],
    ]);
  });

  it('earns less where the budget is worth less', () => {
    const budget = new Budget({ share: 1, most: 1_000 });
    missed(budget, 'p', 100);
    expect(budget.tick(0.05).get('p')).toBe(5);
  });

  it('lets go of a tenant nobody has missed anything of for long', () => {
    const budget = new Budget({ share: 1, most: 1_000 });
    missed(budget, 'p', 1);
    for (let tick = 0; tick < 100; tick++) expect(budget.tick(1).has('p')).toBe(true);
    budget.tick(1);
    expect(budget.tick(1).has('p')).toBe(false);
  });

  it('gives each of many tenants its turn where there is less than one load for each', () => {
    const budget = new Budget({ share: 1, most: 2 });
    const tenants = ['a', 'b', 'c', 'd'];
    const loads = new Map(tenants.map((tenant) => [tenant, 0]));
    for (let tick = 0; tick < 8; tick++) {
      for (const tenant of tenants) missed(budget, tenant, 1);
      const granted = budget.tick(1);
      expect([...granted.values()].reduce((sum, n) => sum + n, 0)).toBe(2);
      for (const [tenant, n] of granted) {
        budget.spend(tenant, n);
        loads.set(tenant, loads.get(tenant)! + n);
      }
    }
    for (const n of loads.values()) expect(n).toBeGreaterThanOrEqual(3);
  });

  it('hands over what was missed, once', () => {
    const budget = new Budget({ share: 1, most: 9 });
    missed(budget, 't:a', 3);
    expect(budget.takeMisses()).toEqual([['t:a', 3]]);
    expect(budget.takeMisses()).toEqual([]);
    expect(budget.tick(1).size).toBe(0);
  });
});
