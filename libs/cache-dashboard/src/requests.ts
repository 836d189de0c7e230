/** Reads what a request asks for; whatever is not of its form is refused with a sentence. */
import { BadRequestException, NotFoundException } from '@nestjs/common';
import type { CacheInspector, CacheManager, EntryScope, TierName } from 'nestjs-multi-level-cache';

/** Members of a query or a body. */
export type Given = Readonly<Record<string, unknown>>;

const TIERS: readonly string[] = ['l1', 'l2', 'l3'];
const SCOPES: readonly string[] = ['public', 'tenant', 'user'];
const TEXT_LENGTH = 4_096;

/** A query or body that is an object. */
export function given(value: unknown): Given {
  if (typeof value !== 'object' || value === null || Array.isArray(value))
    throw new BadRequestException('Send a JSON object.');
  return value as Given;
}

export function textOf(from: Given, name: string): string {
  const value = from[name];
  if (typeof value !== 'string' || value === '' || value.length > TEXT_LENGTH)
    throw new BadRequestException(`${name} must be a text.`);
  return value;
}

export function optionalText(from: Given, name: string): string | undefined {
  return from[name] === undefined || from[name] === '' ? undefined : textOf(from, name);
}

export function tierOf(from: Given): TierName {
  const value = textOf(from, 'tier');
  if (!TIERS.includes(value)) throw new BadRequestException('tier must be l1, l2 or l3.');
  return value as TierName;
}

/**
 * The cache that is named, with the entries of the scope that is named.
 *
 * Only caches there are: asking for a name would make one.
 */
export function cacheOf(from: Given, cache: CacheManager, inspector: CacheInspector): CacheManager {
  const name = optionalText(from, 'cache') ?? 'default';
  if (!inspector.caches().includes(name)) throw new NotFoundException('There is no such cache.');
  const named = name === cache.name ? cache : cache.namespace(name);
  const scope = optionalText(from, 'scope');
  if (scope === undefined) return named;
  if (!SCOPES.includes(scope))
    throw new BadRequestException('scope must be public, tenant or user.');
  return named.scoped(scope as EntryScope);
}
