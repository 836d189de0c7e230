// Everybody who is measured, in the order of tables: ours, raw libraries, other caches.
import { createRequire } from 'node:module';
import { readFileSync } from 'node:fs';
import * as ours from './ours.mjs';
import * as rawLru from './raw-lru.mjs';
import * as rawMap from './raw-map.mjs';
import * as rawRedis from './raw-redis.mjs';
import * as rawPostgres from './raw-postgres.mjs';
import * as layeredLoader from './layered-loader.mjs';
import * as asyncCacheDedupe from './async-cache-dedupe.mjs';
import * as cachified from './cachified.mjs';
import * as bentocache from './bentocache.mjs';
import * as cacheable from './cacheable.mjs';
import * as cacheManager from './cache-manager.mjs';

const FILES = {
  ours,
  'raw-lru': rawLru,
  'raw-map': rawMap,
  'raw-redis': rawRedis,
  'raw-postgres': rawPostgres,
  'layered-loader': layeredLoader,
  'async-cache-dedupe': asyncCacheDedupe,
  cachified,
  bentocache,
  cacheable,
  'cache-manager': cacheManager,
};

/** Each knows its file: the process that measures one loads no other. */
export const SUBJECTS = Object.entries(FILES).flatMap(([file, { subjects }]) =>
  subjects.map((subject) => ({ ...subject, file })),
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
