/** The files of the page, read once and served from memory with an ETag. */
import { createHash } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';

const FOLDER = new URL('../public/', import.meta.url);
const TYPES: Readonly<Record<string, string>> = {
  html: 'text/html; charset=utf-8',
  css: 'text/css; charset=utf-8',
  js: 'text/javascript; charset=utf-8',
  svg: 'image/svg+xml',
};

export interface Asset {
  readonly type: string;
  readonly body: string;
  readonly etag: string;
}

let files: ReadonlyMap<string, Asset> | undefined;

/** All of them, by name. The folder holds nothing that is not public. */
export function assets(): ReadonlyMap<string, Asset> {
  files ??= new Map(readdirSync(FOLDER).flatMap((name) => entryOf(name)));
  return files;
}

function entryOf(name: string): [string, Asset][] {
  const type = TYPES[name.slice(name.lastIndexOf('.') + 1)];
  if (type === undefined) return [];
  const body = readFileSync(new URL(name, FOLDER), 'utf8');
  const etag = `"${createHash('sha256').update(body).digest('base64url').slice(0, 22)}"`;
  return [[name, { type, body, etag }]];
}
