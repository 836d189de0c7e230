/** Who may import whom, read from the sources and from what was built: `import type` is gone from the one, not from the other. */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import ts from 'typescript';
import { describe, expect, it } from 'vitest';

const SOURCE = new URL('../../libs/multi-level-cache/src', import.meta.url).pathname;
const BUILT = new URL('../../libs/multi-level-cache/dist', import.meta.url).pathname;

/** Rooms a room may import beside itself. */
const ALLOWED: Readonly<Record<string, readonly string[]>> = {
  core: [],
  coherence: ['core'],
  security: ['core'],
  telemetry: ['core'],
  warming: ['core'],
  testing: ['core'],
  'tiers/memory': ['core', 'coherence'],
  'tiers/redis': ['core', 'coherence', 'tiers'],
  'tiers/database': ['core', 'coherence', 'tiers'],
  tiers: ['core', 'coherence'],
  manager: ['core', 'coherence', 'security', 'warming', 'tiers/memory'],
  nest: [
    'core',
    'coherence',
    'security',
    'telemetry',
    'warming',
    'manager',
    'integrations',
    'tiers/memory',
    'tiers/redis',
    'tiers/database',
  ],
  integrations: ['core', 'manager'],
  commands: ['core', 'security', 'tiers/database'],
};
/** Packages a room may import by value; everything else is loaded when it is needed, or not at all. */
const PACKAGES: Readonly<Record<string, readonly string[]>> = {
  nest: ['@nestjs/common', '@nestjs/core', 'rxjs', 'reflect-metadata'],
  // Reached through a door of its own only.
  integrations: ['typeorm'],
  telemetry: ['@opentelemetry/api'],
};

/** Where `nest` may import `integrations`. */
const DOORS = /^nest\/typeorm(?:\/|$)/;
/** What needs no package of its own is open to it everywhere. */
const OPEN = /^integrations\/transactions\//;

interface Import {
  readonly from: string;
  readonly to: string;
  readonly typeOnly: boolean;
}

function files(root: string, ending: string): string[] {
  return readdirSync(root, { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith(ending) && !name.endsWith('.d.ts'))
    .sort();
}

function importsOf(from: string, text: string): Import[] {
  const found: Import[] = [];
  for (const statement of ts.createSourceFile(from, text, ts.ScriptTarget.Latest).statements) {
    if (!ts.isImportDeclaration(statement) && !ts.isExportDeclaration(statement)) continue;
    const target = statement.moduleSpecifier;
    if (!target || !ts.isStringLiteral(target)) continue;
    const typeOnly = ts.isImportDeclaration(statement)
      ? statement.importClause?.phaseModifier === ts.SyntaxKind.TypeKeyword
      : statement.isTypeOnly;
    const to = target.text.startsWith('.')
      ? join(dirname(from), target.text).replace(/\.js$/, '')
      : target.text;
    found.push({ from: from.replace(/\.(ts|js)$/, ''), to, typeOnly });
  }
  return found;
}

function roomOf(file: string): string {
  const [first = '', second = '', third] = file.split('/');
  return first === 'tiers' && third !== undefined
    ? `${first}/${second}`
    : file.includes('/')
      ? first
      : 'door';
}

function faults(imports: readonly Import[], known: ReadonlySet<string>): string[] {
  return imports.flatMap(({ from, to, typeOnly }) => {
    const room = roomOf(from);
    if (room === 'door') return [];
    if (!known.has(to)) {
      const allowed = to.startsWith('node:') || typeOnly || (PACKAGES[room] ?? []).includes(to);
      const ownDoor =
        (to === '@nestjs/terminus' && from.startsWith('nest/health/')) ||
        (to === '@opentelemetry/api' && from.startsWith('nest/telemetry/')) ||
        (to === 'typeorm' && from.startsWith('nest/typeorm/'));
      return allowed || ownDoor ? [] : [`${from} imports the package ${to}`];
    }
    const other = roomOf(to);
    // Each through its own door, which an application opens only where it has the package.
    const closed =
      other === 'integrations' && room === 'nest' && !DOORS.test(from) && !OPEN.test(to);
    const allowed = other === room || (!closed && (ALLOWED[room] ?? []).includes(other));
    return allowed ? [] : [`${from} imports ${to}`];
  });
}

function cycles(imports: readonly Import[]): string[] {
  const next = new Map<string, string[]>();
  for (const { from, to } of imports) next.set(from, [...(next.get(from) ?? []), to]);
  const done = new Set<string>();
  const found: string[] = [];
  const visit = (file: string, path: readonly string[]): void => {
    if (path.includes(file)) found.push([...path.slice(path.indexOf(file)), file].join(' → '));
    if (done.has(file) || path.includes(file)) return;
    for (const other of next.get(file) ?? []) visit(other, [...path, file]);
    done.add(file);
  };
  for (const file of next.keys()) visit(file, []);
  return found;
}

/** Files reached from one by static imports that survive the build. */
function reached(imports: readonly Import[], door: string): Set<string> {
  const seen = new Set<string>();
  const visit = (file: string): void => {
    if (seen.has(file)) return;
    seen.add(file);
    for (const { from, to, typeOnly } of imports) if (from === file && !typeOnly) visit(to);
  };
  visit(door);
  return seen;
}

function readAll(root: string, ending: string): { imports: Import[]; known: Set<string> } {
  const names = files(root, ending);
  const imports = names.flatMap((name) => importsOf(name, readFileSync(join(root, name), 'utf8')));
  return {
    imports,
    known: new Set(names.map((name) => relative('.', name).replace(/\.(ts|js)$/, ''))),
  };
}

describe.each([
  { what: 'the sources', root: SOURCE, ending: '.ts' },
  { what: 'what was built', root: BUILT, ending: '.js' },
])('$what', ({ root, ending }) => {
  it('is there', () => {
    expect(existsSync(root)).toBe(true);
  });

  it('imports in the allowed direction only, and without cycles', () => {
    const { imports, known } = readAll(root, ending);
    expect(known.size).toBeGreaterThan(40);
    expect(faults(imports, known)).toEqual([]);
    expect(cycles(imports)).toEqual([]);
  });

  it('needs no optional package to be loaded', () => {
    const { imports } = readAll(root, ending);
    const packages = [...reached(imports, 'index')].filter((name) =>
      [
        'ioredis',
        'pg',
        'typeorm',
        '@nestjs/terminus',
        '@nestjs/schedule',
        '@opentelemetry/api',
      ].includes(name),
    );
    expect(packages).toEqual([]);
  });
});

it('sees a wrong direction, a package and a cycle, also where only types are imported', () => {
  const wrong = importsOf(
    'core/a.ts',
    "import type { B } from '../manager/b.js'; import { Redis } from 'ioredis';",
  );
  const back = importsOf('manager/b.ts', "import type { A } from '../core/a.js';");
  const through = importsOf('nest/c.ts', "import { D } from '../integrations/typeorm/d.js';");
  const known = new Set(['core/a', 'manager/b', 'integrations/typeorm/d']);
  expect(faults([...wrong, ...back, ...through], known)).toEqual([
    'core/a imports manager/b',
    'core/a imports the package ioredis',
    'nest/c imports integrations/typeorm/d',
  ]);
  expect(cycles([...wrong, ...back])).toEqual(['core/a → manager/b → core/a']);
});

describe.each(['src', 'dist'])('the dashboard (%s)', (folder) => {
  const root = new URL(`../../libs/cache-dashboard/${folder}`, import.meta.url).pathname;
  const { imports, known } = readAll(root, folder === 'src' ? '.ts' : '.js');
  const PEERS = ['@nestjs/common', '@nestjs/core', 'rxjs', 'nestjs-multi-level-cache'];
  const foreign = (all: readonly Import[], own: ReadonlySet<string>): string[] =>
    all
      .filter(({ to }) => !own.has(to) && !to.startsWith('node:') && !PEERS.includes(to))
      .map(({ from, to }) => `${from} imports ${to}`);

  it('imports its own files and the public door of what it shows, without cycles', () => {
    expect(known.size).toBeGreaterThan(10);
    expect(foreign(imports, known)).toEqual([]);
    expect(cycles(imports)).toEqual([]);
  });

  it('would be seen to import anything else', () => {
    const wrong = importsOf(
      'a.ts',
      "import { B } from '../../multi-level-cache/src/manager/cache.js'; import { T } from 'nestjs-multi-level-cache/testing';",
    );
    expect(foreign(wrong, known)).toHaveLength(2);
  });
});
