// What security costs a fresh hit in memory: an application with tenants, permissions and an audit log against one without, in
// turn, in one process.
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { rm } from 'node:fs/promises';
import { PermissionPolicy } from 'nestjs-multi-level-cache';
import { bar, openCache } from '../resilience/support.mjs';

const HITS = 500_000;
const ROUNDS = 7;
const KEYS = Array.from({ length: 1_024 }, (_none, at) => `product:${at}`);
const CALLER = {
  tenantId: 'acme',
  subjectId: 'ann',
  permissions: ['cache:read:*', 'cache:write:*'],
};

export async function hits(_stores, { trials }) {
  const file = join(tmpdir(), `bench-audit-${process.pid}`);
  const options = { defaults: { ttl: '1h' } };
  const tenancy = 'required';
  const audit = { sink: { file }, key: () => Buffer.alloc(32, 7) };
  const policy = new PermissionPolicy();
  const subjects = {
    plain: await openCache(options),
    tenancy: await openCache({ ...options, security: { tenancy } }),
    all: await openCache({ ...options, security: { tenancy, policy, audit } }),
  };
  const as = (name, work) => (name === 'plain' ? work() : subjects[name].cache.runAs(CALLER, work));
  for (const [name, { cache }] of Object.entries(subjects))
    await as(name, () => cache.setMany(KEYS.map((key) => [key, 1])));
  const times = { plain: [], tenancy: [], all: [] };
  // The first rounds are spent on compiling.
  for (let round = -2; round < Math.max(trials, ROUNDS); round++)
    for (const [name, { cache }] of Object.entries(subjects)) {
      const ns = await as(name, () => time(cache));
      if (round >= 0) times[name].push(ns);
    }
  await Promise.all(Object.values(subjects).map(({ app }) => app.close()));
  await rm(file, { force: true });
  const ratios = (name) => times[name].map((ns, at) => ns / times.plain[at]);
  return [
    bar('a hit in memory', times.plain, { unit: ' ns', digits: 0 }),
    bar('the same with tenants', ratios('tenancy'), { unit: 'x', digits: 2 }),
    bar('the same with tenants, permissions and audit', ratios('all'), {
      most: 1.5,
      unit: 'x',
      digits: 2,
    }),
  ];
}

async function time(cache) {
  const began = performance.now();
  for (let at = 0; at < HITS; at++) await cache.get(KEYS[at & 1_023]);
  return ((performance.now() - began) * 1e6) / HITS;
}
