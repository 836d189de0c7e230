/** What can be done with a change before a tier gets it, and how it is spelled for other processes. Pure. */
import { Address, Scope, type ScopeRules } from './key.js';
import type { Change, RemoteChange } from './tier.js';

/** Changes of at most so many keys each that together are this one. */
export function partsOf(change: Change, most: number): readonly Change[] {
  if (change.kind === 'tags' || change.kind === 'touch' || change.addresses.length <= most)
    return [change];
  const parts: Change[] = [];
  for (let at = 0; at < change.addresses.length; at += most) {
    const addresses = change.addresses.slice(at, at + most);
    parts.push(
      change.kind === 'set'
        ? { ...change, addresses, entries: change.entries.slice(at, at + most) }
        : { ...change, addresses },
    );
  }
  return parts;
}

/**
 * What a tier above a stored value must forget, and what a tier that was away is owed: applied late, a `set` or a `touch`
 * could undo another process's newer write, a removal cannot.
 */
export function removal(change: Change): Change {
  return change.kind === 'set' || change.kind === 'touch'
    ? { kind: 'delete', addresses: change.addresses }
    : change;
}

/** What another process changed, as a change of this one's. */
export function localChange(remote: RemoteChange, namespace: string, rules: ScopeRules): Change {
  if (remote.kind === 'tags') return remote;
  const addresses = remote.keys.map(
    ([tenant, cache, key]) => new Address(new Scope(namespace, tenant, cache, rules), key),
  );
  return { kind: remote.kind, addresses };
}

/** Type and payload of a change as other processes get them; values never leave this way. */
export function encodeChange(change: Change): { type: string; payload: string } {
  if (change.kind === 'tags')
    return {
      type: 't',
      payload: JSON.stringify([change.tenant, change.tags, ...(change.soft ? [1] : [])]),
    };
  const keys = change.addresses.map(({ scope, key }) => [scope.tenant, scope.cache, key]);
  const alive = change.kind === 'expire' || change.kind === 'touch';
  return { type: alive ? 'x' : 'd', payload: JSON.stringify(keys) };
}

/** What `encodeChange` spelled, or `undefined` where it is not ours. */
export function decodeChange(
  type: string | undefined,
  payload: string | undefined,
): RemoteChange | undefined {
  try {
    const body: unknown = JSON.parse(payload ?? '');
    if (!Array.isArray(body)) return undefined;
    if (type === 'd' || type === 'x')
      return body.every(isKey)
        ? { kind: type === 'd' ? 'delete' : 'expire', keys: body }
        : undefined;
    const [tenant, tags, soft] = body as unknown[];
    return type === 't' && typeof tenant === 'string' && isTexts(tags)
      ? { kind: 'tags', tenant, tags, ...(soft === 1 ? { soft: true } : {}) }
      : undefined;
  } catch {
    return undefined;
  }
}

function isKey(value: unknown): value is readonly [string, string, string] {
  return isTexts(value) && value.length === 3;
}

function isTexts(value: unknown): value is string[] {
  return Array.isArray(value) && value.every((text) => typeof text === 'string');
}
