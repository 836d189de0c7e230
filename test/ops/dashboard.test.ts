/** The dashboard and the rules on a real Prometheus that scrapes a real cache: every query is asked, none may fail. */
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { freshDatabase, freshNamespace, redisUrl, type Server } from '../support/servers.js';
import { dashboard, OPS, panels, rules } from './files.js';
import { startPrometheus } from './prometheus.js';
import { namedBy } from './promql.js';
import { startTraffic, type Running } from './traffic.js';

/** Queries that show nothing here, and why. All others must have data. */
const MAY_BE_EMPTY: Readonly<Record<string, string>> = {
  'Alerts: A': 'nothing fires within seconds',
  'Who answered?: E': 'no cache reports a bypass yet',
  'Who answered, as shares: E': 'no cache reports a bypass yet',
  'Errors of the tiers: A': 'both servers are well',
  'Was warming worth it?: A': 'what is loaded ahead is judged when it would have ended: minutes',
};

/** Panels there must be, row by row; a panel that is added or renamed is to be thought of here. */
const PANELS = [
  ['State of the tiers', 'Instances without a tier', 'Alerts'],
  ['Hit ratio', 'Budget burned, fast', 'Budget burned, slowly'],
  ['Who answered?', 'Who answered, as shares', 'Beyond memory', 'Loaders', 'Stampedes avoided'],
  ['Reads of L2', 'Reads of L3', 'p99 of the tiers', 'Errors of the tiers'],
  ['Hit ratio of each tier', 'How full', 'Bytes and entries', 'Evictions and writes'],
  ['Warming', 'Was warming worth it?', 'Invalidations', 'Backplane', 'Backplane lag'],
  ['Size of envelopes', 'Access denied', 'Unreadable entries', 'Fills refused'],
].flat();

/** Attributes of failures: absent while nothing fails. */
const MAY_BE_ABSENT = new Set(['error_type']);

interface Sample {
  readonly metric: Readonly<Record<string, string>>;
  readonly value: readonly [at: number, value: string];
}

let app: Running;
let prometheus: Server;

beforeAll(async () => {
  app = await startTraffic({
    namespace: freshNamespace(),
    redis: redisUrl(),
    database: await freshDatabase(),
  });
  prometheus = await startPrometheus({
    global: { scrape_interval: '1s', scrape_timeout: '1s', evaluation_interval: '1s' },
    rule_files: [`${OPS}prometheus/rules.yaml`],
    scrape_configs: [{ job_name: 'app', static_configs: [{ targets: [app.target] }] }],
  });
  // A rate needs several scrapes; the rules need them before they can say anything.
  await vi.waitFor(
    async () => {
      const [found] = await ask('count_over_time(mlcache:hit_ratio:5m[1m])');
      expect(Number(found?.value[1])).toBeGreaterThan(8);
    },
    { timeout: 60_000, interval: 500 },
  );
}, 400_000);
afterAll(async () => {
  await prometheus?.stop();
  await app?.stop();
});

async function api(path: string, parameters: Record<string, string> = {}): Promise<unknown> {
  const query = new URLSearchParams(parameters).toString();
  const response = await fetch(`${prometheus.url}/api/v1/${path}?${query}`);
  const said = (await response.json()) as { status: string; error?: string; data: unknown };
  expect(said.error).toBeUndefined();
  expect(said.status).toBe('success');
  return said.data;
}

async function ask(query: string): Promise<readonly Sample[]> {
  const { result } = (await api('query', { query })) as { result: readonly Sample[] };
  return result;
}

/** As Grafana fills it in for "All" and a window that fits scrapes of a second. */
function filled(query: string): string {
  const values: Record<string, string> = { __rate_interval: '5s', job: '.*', cache: '.*' };
  return query.replaceAll(/\$(\w+)/g, (whole, name: string) => values[name] ?? whole);
}

const hasNumber = ({ value: [, value] }: Sample): boolean => Number.isFinite(Number(value));

const queries: readonly (readonly [name: string, query: string])[] = panels().flatMap(
  ({ title, targets }) =>
    targets.map(({ expr, refId }) => [`${title}: ${refId}`, filled(expr)] as const),
);

it('has four rows, a choice of data source, application and cache, and the panels it should have', () => {
  const { panels: all, templating } = dashboard();
  const rows = all.filter(({ type }) => type === 'row').map(({ title }) => title);
  expect(rows).toEqual(['Is it well?', 'Who answered?', 'Tiers', 'Warming, backplane, security']);
  expect(templating.list.map(({ name }) => name)).toEqual(['datasource', 'job', 'cache']);
  expect(
    panels()
      .map(({ title }) => title)
      .sort(),
  ).toEqual(PANELS.toSorted());
  expect(new Set(all.map(({ id }) => id)).size).toBe(all.length);
  const known = queries.map(([name]) => name);
  expect(Object.keys(MAY_BE_EMPTY).filter((name) => !known.includes(name))).toEqual([]);
});

it.each(panels().map((panel) => [panel.title, panel] as const))(
  '%s: explained, with a unit, on the chosen data source, beside its neighbours',
  (_title, panel) => {
    expect(panel.description?.length).toBeGreaterThan(20);
    expect(panel.fieldConfig?.defaults.unit).toBeTruthy();
    expect(panel.datasource?.uid).toBe('${datasource}');
    const { h, w, x, y } = panel.gridPos;
    expect(x + w).toBeLessThanOrEqual(24);
    const over = dashboard().panels.filter(
      ({ gridPos: other, id }) =>
        id !== panel.id &&
        other.x < x + w &&
        x < other.x + other.w &&
        other.y < y + h &&
        y < other.y + other.h,
    );
    expect(over.map(({ title }) => title)).toEqual([]);
  },
);

it.each(queries)('%s', async (name, query) => {
  expect(query).not.toContain('$');
  // With traffic going on, the next moment has what this one may not.
  if (MAY_BE_EMPTY[name] !== undefined) await ask(query);
  else
    await expect
      .poll(async () => (await ask(query)).some(hasNumber), { timeout: 12_000, interval: 500 })
      .toBe(true);
});

it('shows all three tiers and the loader among those who answered', async () => {
  const [, answered] = queries.find(([name]) => name === 'Who answered?: A')!;
  await expect
    .poll(
      async () =>
        (await ask(answered))
          .filter(({ value }) => Number(value[1]) > 0)
          .map(({ metric }) => metric['mlcache_tier'])
          .sort(),
      { timeout: 12_000, interval: 500 },
    )
    .toEqual(['l1', 'l2', 'l3']);
});

describe.each(rules().map((rule) => [rule.alert ?? rule.record ?? '', rule] as const))(
  '%s',
  (_name, { expr, record }) => {
    it('is a query that Prometheus answers', async () => {
      const found = await ask(expr);
      if (record !== undefined) expect(found.some(hasNumber)).toBe(true);
    });
  },
);

it('runs as rules without an error', async () => {
  const { groups } = (await api('rules')) as {
    groups: { rules: { name: string; health: string; lastError?: string }[] }[];
  };
  const ran = groups.flatMap((group) => group.rules);
  expect(ran).toHaveLength(rules().length);
  expect(ran.filter(({ health, lastError }) => health !== 'ok' || lastError)).toEqual([]);
});

it('offers applications and caches to choose from', async () => {
  const choice = async (label: string): Promise<unknown> =>
    api(`label/${label}/values`, { 'match[]': 'mlcache_requests_total' });
  expect(await choice('job')).toEqual(['app']);
  expect(await choice('mlcache_cache')).toEqual(['default']);
});

const asked = [...rules(), ...panels().flatMap(({ targets }) => targets)]
  .flatMap(({ expr }) => namedBy(expr).pairs)
  .filter(({ label, metric }) => metric !== 'ALERTS' && !MAY_BE_ABSENT.has(label))
  .map(({ label, metric }) => `${metric} ${label}`);

it.each([...new Set(asked)])('%s: there is such a series', async (pair) => {
  const [metric, label] = pair.split(' ');
  const found = await ask(`count({__name__=~"${metric}",${label}!=""})`);
  expect(Number(found.at(0)?.value[1] ?? 0)).toBeGreaterThan(0);
});
