/** What puts measured figures into the documentation, and what reckons with them. */
import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { lineChart } from '../../bench/lib/line-chart.mjs';
import { inRepository, replaceBetween, table } from '../../bench/lib/markers.mjs';
import { ASSUMED, sized } from '../../bench/scale/sizing.mjs';

describe('markers', () => {
  const text =
    '# A\n\n<!-- figures:one -->\n\nold\n\n<!-- /figures -->\n\n<!-- figures:two -->\n\n<!-- /figures -->\n';

  it('keep what stands around them', () => {
    const once = replaceBetween(text, 'one', table(['a', 'b'], [[1, 2]]));
    expect(once).toContain(
      '<!-- figures:one -->\n\n| a | b |\n| --- | --- |\n| 1 | 2 |\n\n<!-- /figures -->',
    );
    expect(once).not.toContain('old');
    expect(once.endsWith(text.slice(text.indexOf('\n\n<!-- figures:two')))).toBe(true);
    expect(replaceBetween(once, 'one', 'old')).toBe(text);
  });

  it('have to be there', () => {
    expect(() => replaceBetween(text, 'three', '')).toThrow('three');
  });

  it('are there for everything that is measured', () => {
    const names = (path: string): string[] =>
      [...readFileSync(inRepository(path), 'utf8').matchAll(/<!-- figures:(\w+) -->/g)].map(
        ([, name]) => name,
      );
    expect(names('docs/load.md')).toEqual(['l1', 'l2', 'l3', 'mixed']);
    expect(names('docs/scale.md')).toEqual([
      'keys',
      'values',
      'tags',
      'instances',
      'inflight',
      'units',
    ]);
    expect(names('docs/sizing.md')).toEqual(['example']);
  });
});

describe('a line chart', () => {
  const marks = (svg: string, tag: string): number[] =>
    [...svg.matchAll(new RegExp(`<${tag} [^>]*c?y="([\\d.]+)"`, 'g'))].map(([, y]) => Number(y));

  it('has equal steps where figures and sizes grow by equal factors', () => {
    const svg = lineChart({
      title: 'a < b',
      x: { label: 'n', values: [1, 10, 100], log: true },
      lines: [{ name: 'one', values: [2, 20, 200] }],
    });
    const points = [...svg.matchAll(/<circle cx="([\d.]+)" cy="([\d.]+)"/g)].map(([, x, y]) => [
      Number(x),
      Number(y),
    ]);
    expect(points).toHaveLength(3);
    expect(points[1][0] - points[0][0]).toBeCloseTo(points[2][0] - points[1][0], 0);
    expect(points[0][1] - points[1][1]).toBeCloseTo(points[1][1] - points[2][1], 0);
    expect(svg).toContain('a &lt; b');
  });

  it('leaves out what was not measured', () => {
    const svg = lineChart({
      title: 't',
      x: { label: 'n', values: [1, 2] },
      lines: [
        { name: 'one', values: [Number.NaN, 2] },
        { name: 'two', values: [1, 3] },
      ],
      linear: true,
    });
    expect(svg).not.toContain('NaN');
    expect(marks(svg, 'circle')).toHaveLength(1);
  });
});

describe('sizing', () => {
  const names = 'n1 n2 n3 nl nr nw2 nw3 nm nmMany r2 rl rw rd rm bo be bp wl wr p3 pr pw'.split(
    ' ',
  );
  const cost = (over: Record<string, number> = {}): Record<string, number> => ({
    ...Object.fromEntries(names.map((name) => [name, 10])),
    ...over,
  });

  it('reckons the peak of a day', () => {
    const { average, P, W } = sized(cost());
    expect(average).toBeCloseTo(11_574, 0);
    expect(P).toBeCloseTo(57_870, 0);
    expect(W).toBeCloseTo(1_157, 0);
  });

  it('needs more instances the more each has to hear, and none suffice beyond its share', () => {
    const [few, more] = [sized(cost({ nm: 1 })), sized(cost({ nm: 300 }))];
    expect(more.M).toBeGreaterThan(few.M);
    expect(few.M).toBe(Math.max(Math.ceil(few.C / (ASSUMED['core'] - few.told)), 2));
    expect(sized(cost({ nm: 450 })).M).toBe(Infinity);
  });

  it('asks for as many shards as memory or processors want, and never fewer than a Cluster has', () => {
    expect(sized(cost({ be: 1 })).shards).toBe(3);
    expect(sized(cost({ be: 4_096 })).shards).toBe(10);
    expect(sized(cost({ be: 1, r2: 500 })).shards).toBeGreaterThan(9);
  });
});
