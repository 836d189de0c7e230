/** The compose file, read: no Docker is needed to see that it pins, checks, listens on loopback and knows no password. */
import { spawnSync } from 'node:child_process';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { parse } from 'yaml';

interface Service {
  image: string;
  environment?: Record<string, string>;
  ports?: string[];
  profiles?: string[];
  network_mode?: string;
  command?: string[];
  entrypoint?: string[];
  volumes?: string[];
  healthcheck?: { test: string[] };
}

const root = new URL('../../', import.meta.url);
const read = (path: string): unknown => parse(readFileSync(new URL(path, root), 'utf8'));
const { services } = read('docker-compose.yml') as { services: Record<string, Service> };
const { grafana } = services;

it('runs Redis and PostgreSQL, and what observes them only when it is asked for', () => {
  const profiles = Object.entries(services).map(([name, service]) => [name, service.profiles]);
  expect(Object.fromEntries(profiles)).toEqual({
    redis: undefined,
    postgres: undefined,
    prometheus: ['observability'],
    grafana: ['observability'],
  });
});

describe.each(Object.entries(services))('%s', (_name, service) => {
  it('has its version pinned and a healthcheck', () => {
    expect(service.image).toMatch(/:v?\d+\.\d+(\.\d+)?[\w.-]*$/);
    expect(service.healthcheck?.test.length).toBeGreaterThan(1);
  });

  it('listens on loopback only', () => {
    if (service.network_mode === 'host') {
      const listens = service.command?.find((one) => one.startsWith('--web.listen-address='));
      const address = listens?.split('=')[1] ?? service.environment?.['GF_SERVER_HTTP_ADDR'];
      expect(address).toMatch(/^127\.0\.0\.1(:\d+)?$/);
      expect(service.ports).toBeUndefined();
    } else {
      expect(service.ports?.length).toBeGreaterThan(0);
      expect(service.ports?.every((port) => port.startsWith('127.0.0.1:'))).toBe(true);
    }
  });

  it('mounts what is there', () => {
    const own = (service.volumes ?? []).filter((volume) => volume.startsWith('./'));
    for (const volume of own) {
      const [path] = volume.split(':');
      expect(volume).toMatch(/:ro$/);
      expect([path, existsSync(new URL(path, root))]).toEqual([path, true]);
    }
  });
});

it.each(['redis', 'postgres'])('%s asks for its password', (name) => {
  const environment = Object.entries(services[name].environment ?? {});
  const passwords = environment.filter(([variable]) => variable.endsWith('PASSWORD'));
  expect(passwords.length).toBeGreaterThan(0);
  for (const [variable, value] of passwords)
    expect(value).toMatch(new RegExp(`^\\$\\{${variable}:\\?[^}]+\\}$`));
});

it('asks for no password of Grafana where its profile is off, and starts none without', () => {
  expect(grafana.environment?.['GF_SECURITY_ADMIN_PASSWORD']).toBe('${GRAFANA_PASSWORD:-}');
  const [shell = '', ...args] = grafana.entrypoint!.map((one) =>
    // Compose writes a dollar twice; here nothing is to be started.
    one.replaceAll('$$', '$').replace('exec /run.sh', 'echo started'),
  );
  const start = (password: string) =>
    spawnSync(shell, args, {
      env: { PATH: process.env['PATH'], GF_SECURITY_ADMIN_PASSWORD: password },
      encoding: 'utf8',
    });
  expect(start('')).toMatchObject({ status: 1, stdout: '', stderr: 'set GRAFANA_PASSWORD\n' });
  expect(start('some')).toMatchObject({ status: 0, stdout: 'started\n' });
});

it('Grafana finds Prometheus where it listens, and the dashboard where it is mounted', () => {
  const { datasources } = read('ops/grafana/provisioning/datasources/prometheus.yaml') as {
    datasources: { type: string; url: string }[];
  };
  const { providers } = read('ops/grafana/provisioning/dashboards/mlcache.yaml') as {
    providers: { options: { path: string } }[];
  };
  expect(readdirSync(new URL('ops/grafana/provisioning', root)).sort()).toEqual([
    'dashboards',
    'datasources',
  ]);
  const listens = services['prometheus'].command!.find((one) => one.includes('listen-address'));
  expect(datasources).toHaveLength(1);
  expect(datasources[0]).toMatchObject({ type: 'prometheus' });
  expect(datasources[0].url).toBe(`http://${listens?.split('=')[1]}`);
  const mounted = `${providers[0].options.path}/mlcache.json`;
  expect(grafana.volumes).toContain(`./ops/grafana/mlcache.json:${mounted}:ro`);
});
