import { readFileSync } from 'node:fs';
import { expect, it } from 'vitest';
import { parse } from 'yaml';

interface Service {
  image: string;
  environment: Record<string, string>;
  ports: string[];
  healthcheck?: { test: string[] };
}

const file = new URL('../../docker-compose.yml', import.meta.url);
const { services } = parse(readFileSync(file, 'utf8')) as { services: Record<string, Service> };

it('runs Redis and PostgreSQL', () => {
  expect(Object.keys(services).sort()).toEqual(['postgres', 'redis']);
});

it.each(Object.entries(services))(
  '%s: version pinned, healthcheck, loopback only, no default password',
  (_name, service) => {
    expect(service.image).toMatch(/:\d+\.\d+(\.\d+)?[\w.-]*$/);
    expect(service.healthcheck?.test.length).toBeGreaterThan(1);
    expect(service.ports.every((port) => port.startsWith('127.0.0.1:'))).toBe(true);
    const passwords = Object.entries(service.environment).filter(([name]) =>
      name.endsWith('PASSWORD'),
    );
    expect(passwords.length).toBeGreaterThan(0);
    for (const [name, value] of passwords)
      expect(value).toMatch(new RegExp(`^\\$\\{${name}:\\?[^}]+\\}$`));
  },
);
