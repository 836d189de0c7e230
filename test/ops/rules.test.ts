/** The rules as Prometheus itself judges them, and whether all that `ops/` names is there: metrics, labels, runbooks. */
import { execFile } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { promisify } from 'node:util';
import { beforeAll, describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { ATTRIBUTES, METRICS } from '../../libs/multi-level-cache/src/telemetry/names.js';
import { dashboard, OPS, panels, rules } from './files.js';
import { prometheusProgram } from './prometheus.js';
import { namedBy } from './promql.js';

const run = promisify(execFile);

interface Cases {
  readonly tests: readonly {
    readonly name: string;
    readonly alert_rule_test?: readonly { alertname: string; exp_alerts: readonly unknown[] }[];
  }[];
}

/** Every alert there is to be, how long it waits, and whom it calls. */
const ALERTS = {
  CacheHitRatioDrop: '15m ticket',
  CacheLatencySlowBurn: '15m ticket',
  CacheLatencyFastBurn: '2m page',
  CacheTierDown: '1m page',
  CacheTierFlapping: '5m ticket',
  CacheEvictionSpike: '15m ticket',
  CacheBackplaneLag: '5m ticket',
  CacheBackplaneDeaf: '5m page',
  CacheServingStale: '10m ticket',
  CacheWarmingWaste: '30m ticket',
};

const TESTS = ['rules.test.yaml', 'rules.long.test.yaml'].map((name) => `${OPS}prometheus/${name}`);

/** What Prometheus itself adds. */
const OWN_METRICS = new Set(['ALERTS']);
const OWN_LABELS = new Set(['job', 'instance', 'le', 'alertname', 'alertstate', 'severity']);

const alerts = rules().filter(({ alert }) => alert !== undefined);
const recorded = new Set(rules().map(({ record }) => record));

/** As both ways out spell a metric: OpenTelemetry JS without its unit, the Collector with it. */
const spellings = Object.values(METRICS).flatMap(({ name, unit }) => {
  const bare = name.replaceAll('.', '_');
  const suffix = { s: '_seconds', By: '_bytes' }[unit as string] ?? '';
  return ['', '_total', '_bucket', '_count', '_sum'].map((end) => [
    bare + end,
    bare + suffix + end,
  ]);
});

function declared(metric: string): boolean {
  if (recorded.has(metric) || OWN_METRICS.has(metric)) return true;
  const whole = new RegExp(`^(?:${metric})$`);
  return spellings.some((both) => both.every((spelling) => whole.test(spelling)));
}

let promtool: string;
beforeAll(async () => {
  promtool = await prometheusProgram('promtool');
}, 300_000);

const COMMANDS: readonly (readonly [what: string, command: readonly string[]])[] = [
  ['accepts the rules', ['check', 'rules', `${OPS}prometheus/rules.yaml`]],
  ['accepts the configuration', ['check', 'config', `${OPS}prometheus/prometheus.yaml`]],
  ['sees alerts fire and stay quiet within minutes', ['test', 'rules', TESTS[0]]],
  ['sees alerts fire and stay quiet within hours', ['test', 'rules', TESTS[1]]],
];

describe('promtool', () => {
  it.each(COMMANDS)(
    '%s',
    async (_what, command) => {
      const { stdout } = await run(promtool, command);
      expect(stdout).toContain('SUCCESS');
      expect(stdout).not.toContain('FAILED');
    },
    120_000,
  );

  it('is asked about both for every alert', () => {
    const tests = TESTS.flatMap((file) => (parse(readFileSync(file, 'utf8')) as Cases).tests);
    const asked = tests.flatMap(({ alert_rule_test: found = [] }) => found);
    for (const name of Object.keys(ALERTS)) {
      const own = asked.filter(({ alertname }) => alertname === name);
      const fires = own.some(({ exp_alerts }) => exp_alerts.length > 0);
      const quiet = tests.some(
        (test) =>
          test.name.includes('quiet') &&
          test.alert_rule_test?.some(
            ({ alertname, exp_alerts }) => alertname === name && exp_alerts.length === 0,
          ),
      );
      expect({ name, fires, quiet }).toEqual({ name, fires: true, quiet: true });
    }
  });
});

it('has the ten alerts, each with whom it calls and what to do', () => {
  const found = alerts.map((rule) => [rule.alert, `${rule.for} ${rule.labels?.['severity']}`]);
  expect(Object.fromEntries(found)).toEqual(ALERTS);
  expect(found.length).toBe(10);
  const runbook = readFileSync(new URL('../../docs/failure-modes.md', import.meta.url), 'utf8');
  const headings = [...runbook.matchAll(/^## (.+)$/gm)].map(([, title = '']) => anchor(title));
  for (const { alert = '', annotations } of alerts) {
    const [file, section] = annotations!['runbook'].split('#');
    expect([file, section]).toEqual(['docs/failure-modes.md', anchor(alert)]);
    expect(headings).toContain(section);
    expect(annotations).toMatchObject({
      summary: expect.any(String),
      description: expect.any(String),
    });
  }
});

/** As GitHub makes it of a heading. */
function anchor(title: string): string {
  return title
    .toLowerCase()
    .replaceAll(/[^\w -]/g, '')
    .replaceAll(' ', '-');
}

const variables = dashboard()
  .templating.list.map(({ query }) => JSON.stringify(query))
  .flatMap((query) => [...query.matchAll(/label_values\(([^,()]+),\s*(\w+)\)/g)])
  .map(([, metric, label]) => [`variable ${label}`, `sum by (${label}) (${metric})`] as const);
const expressions = [
  ...rules().map(({ alert, record, expr }) => [alert ?? record ?? '', expr] as const),
  ...panels().flatMap(({ title, targets }) =>
    targets.map(({ refId, expr }) => [`${title}: ${refId}`, expr] as const),
  ),
  ...variables,
];

describe.each(expressions)('%s', (_name, expression) => {
  it('names metrics that are emitted, as both exporters spell them', () => {
    const { metrics } = namedBy(expression);
    expect(metrics.length).toBeGreaterThan(0);
    expect(metrics.filter((metric) => !declared(metric))).toEqual([]);
  });

  it('names labels that are emitted', () => {
    const emitted = new Set(Object.values(ATTRIBUTES).map((name) => name.replaceAll('.', '_')));
    const unknown = namedBy(expression).labels.filter(
      (label) => !emitted.has(label) && !OWN_LABELS.has(label),
    );
    expect(unknown).toEqual([]);
  });
});
