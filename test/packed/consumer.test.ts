/** The packed library in applications of their own, ES module and CommonJS, on this Node and on 24: L1 alone, no optional peer. */
import { execFileSync } from 'node:child_process';
import { existsSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, it } from 'vitest';

const root = new URL('../..', import.meta.url).pathname;
const folder = mkdtempSync(join(tmpdir(), 'mlc-consumer-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const APP = `
import 'reflect-metadata';
import { Injectable, Module } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { CacheManager, Cached, MultiLevelCacheModule } from 'nestjs-multi-level-cache';

let loads = 0;

@Injectable()
class Products {
  @Cached({ key: (id) => \`product:\${id}\`, tags: (product) => [product.brand] })
  async find(id: string): Promise<{ id: string; brand: string; load: number }> {
    return { id, brand: 'acme', load: ++loads };
  }
}

@Module({ imports: [MultiLevelCacheModule.forRoot({ namespace: 'shop' })], providers: [Products] })
class AppModule {}

const app = await NestFactory.createApplicationContext(AppModule, { logger: false });
const products = app.get(Products);
await products.find('7');
const second = await products.find('7');
await app.get(CacheManager).invalidateTags(['acme']);
const third = await products.find('7');
process.stdout.write(JSON.stringify({ second: second.load, third: third.load, tiers: app.get(CacheManager).stats().tiers.l2.state }));
await app.close();
`;

/** The same from CommonJS, typed as such: Node loads the ES module by require. */
const COMMONJS = `
import 'reflect-metadata';
import { NestFactory } from '@nestjs/core';
import { CacheManager, MultiLevelCacheModule, isCacheError } from 'nestjs-multi-level-cache';

void (async () => {
  const module = MultiLevelCacheModule.forRoot({ namespace: 'shop', defaults: { ttl: '1m' } });
  const app = await NestFactory.createApplicationContext(module, { logger: false });
  const cache: CacheManager = app.get(CacheManager);
  const found = await cache.getOrSetMany(['a', 'b'], (keys) => keys.map((key) => [key, key.toUpperCase()] as const));
  const wrong = await cache.set('k', 1, { ttl: -1 }).catch((error: unknown) => isCacheError(error, 'CACHE_OPTION_INVALID'));
  const same = CacheManager === (await import('nestjs-multi-level-cache')).CacheManager;
  process.stdout.write(JSON.stringify({ found: [...found], wrong, same }));
  await app.close();
})();
`;

it('installs, compiles and runs', () => {
  execFileSync(process.execPath, [join(root, 'scripts/pack.mjs')], { stdio: 'pipe' });
  const packages = join(root, 'dist/packages');
  const tarball = readdirSync(packages).find((name) => /^nestjs-multi-level-cache-\d/.test(name))!;
  writeFileSync(
    join(folder, 'package.json'),
    JSON.stringify({ name: 'consumer', private: true, type: 'module' }),
  );
  writeFileSync(
    join(folder, 'tsconfig.json'),
    JSON.stringify({
      compilerOptions: {
        target: 'ES2023',
        module: 'nodenext',
        strict: true,
        experimentalDecorators: true,
        emitDecoratorMetadata: true,
        types: ['node'],
      },
    }),
  );
  writeFileSync(join(folder, 'app.ts'), APP);
  writeFileSync(join(folder, 'common.cts'), COMMONJS);
  const install = [
    'install',
    '--no-audit',
    '--no-fund',
    '--prefer-offline',
    join(packages, tarball),
    '@nestjs/common@12',
    '@nestjs/core@12',
    'reflect-metadata',
    'rxjs',
    'typescript@6.0',
    '@types/node@22',
    // Another Node, as a package.
    'node@24',
  ];
  execFileSync('npm', install, { cwd: folder, stdio: 'pipe' });
  for (const optional of ['ioredis', 'pg', 'typeorm', '@nestjs/terminus', '@opentelemetry/api']) {
    expect(existsSync(join(folder, 'node_modules', optional))).toBe(false);
  }
  execFileSync(join(folder, 'node_modules/.bin/tsc'), [], { cwd: folder, stdio: 'pipe' });
  const other = join(folder, 'node_modules/node/bin/node');
  expect(execFileSync(other, ['-v'], { encoding: 'utf8' })).toMatch(/^v24\./);
  for (const node of [process.execPath, other]) {
    const run = (file: string): unknown =>
      JSON.parse(execFileSync(node, [file], { cwd: folder, encoding: 'utf8' }));
    expect(run('app.js')).toEqual({ second: 1, third: 2, tiers: 'off' });
    expect(run('common.cjs')).toEqual({
      found: [
        ['a', 'A'],
        ['b', 'B'],
      ],
      wrong: true,
      same: true,
    });
  }
}, 180_000);
