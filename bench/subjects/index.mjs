// Everybody who is measured, in the order of tables: ours, raw libraries, other caches.
import { createRequire } from 'node:module';
import { readFileSync } from 'node:fs';

const FILES = [
  'ours',
  'raw-lru',
  'raw-map',
  'raw-redis',
  'raw-postgres',
  'layered-loader',
  'async-cache-dedupe',
  'cachified',
  'bentocache',
  'cacheable',
  'cache-manager',
];

const loaded = await Promise.all(FILES.map((file) => import(`./${file}.mjs`)));

/** Each knows its file: the process that measures one loads no other. */
export const SUBJECTS = loaded.flatMap(({ subjects }, at) =>
  subjects.map((subject) => ({ ...subject, file: FILES[at] })),
);

/** Those that can do with exactly these tiers. */
export const subjectsOf = (tiers) => SUBJECTS.filter((subject) => subject.tiers.includes(tiers));

export const isPeer = ({ kind }) => kind === 'peer';

/** `[package, version]` of everybody, as installed. */
export function versions() {
  const { resolve } = createRequire(import.meta.url);
  const names = new Set(SUBJECTS.flatMap((subject) => subject.package ?? []));
  return [...names]
    .toSorted((a, b) => a.localeCompare(b))
    .map((name) => [name, versionOf(name, resolve)]);
}

function versionOf(name, resolve) {
  for (const folder of resolve.paths(name)) {
    try {
      return JSON.parse(readFileSync(`${folder}/${name}/package.json`, 'utf8')).version;
    } catch (error) {
      if (error.code !== 'ENOENT') throw error;
    }
  }
  return 'unknown';
}
