/** What can be done with a change before a tier gets it, and how it is spelled for other processes. Pure. */
import { Address, isPlace, Scope, type ScopeRules } from './key.js';
import type { Change, RemoteChange, RemoteKey, SharedDebt } from './tier.js';

/** Type of several changes in one record. */
const MANY = 'm';

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
  return change.kind === 'expire' || change.kind === 'tags' || change.kind === 'delete'
    ? change
    : { kind: 'delete', addresses: change.addresses };
}

/** What another process changed, as a removal to be made here. */
export function localChange(remote: RemoteChange, namespace: string, rules: ScopeRules): Change {
  if (remote.kind === 'tags') return remote;
  const addresses = remote.keys.map(
    ([tenant, place, key]) => new Address(Scope.at(namespace, tenant, place, rules), key),
  );
  return { kind: remote.kind === 'expire' ? 'expire' : 'delete', addresses };
}

/** Type and payload of a change as other processes get them; values never leave this way. */
export function encodeChange(change: Change): { type: string; payload: string } {
  if (change.kind === 'tags')
    return {
      type: 't',
      payload: JSON.stringify([change.tenant, change.tags, ...(change.soft ? [1] : [])]),
    };
  const keys = `[${change.addresses.map(spellKey).join()}]`;
  const { kind } = change;
  if (kind === 'guard')
    return { type: 'g', payload: `[${JSON.stringify(change.id)},${change.ms},${keys}]` };
  if (kind === 'unguard') return { type: 'u', payload: `[${JSON.stringify(change.id)},${keys}]` };
  return { type: kind === 'expire' || kind === 'touch' ? 'x' : 'd', payload: keys };
}

/** As JSON, which costs less of a text than of a list. */
function spellKey({ scope, key }: Address): string {
  return `[${scope.spelled},${JSON.stringify(key)}]`;
}

/** Several in one. */
export function encodeChanges(changes: readonly Change[]): { type: string; payload: string } {
  const each = changes.map(encodeChange).map(({ type, payload }) => [type, payload]);
  return { type: MANY, payload: JSON.stringify(each) };
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
      return isKeys(body) ? { kind: type === 'd' ? 'delete' : 'expire', keys: body } : undefined;
    if (type === 'g' || type === 'u') return decodeGuard(type, body);
    const [tenant, tags, soft] = body as unknown[];
    return type === 't' && typeof tenant === 'string' && isTexts(tags)
      ? { kind: 'tags', tenant, tags, ...(soft === 1 ? { soft: true } : {}) }
      : undefined;
  } catch {
    return undefined;
  }
}

/** A debt as a book keeps it. */
export interface WrittenDebt {
  readonly id: string;
  readonly type: string;
  readonly payload: string;
}

/** The debts of a book's records, and the names of those that are not ours. */
export function decodeDebts(written: readonly WrittenDebt[]): {
  readonly debts: readonly SharedDebt[];
  readonly rubbish: readonly string[];
} {
  const debts: SharedDebt[] = [];
  const rubbish: string[] = [];
  for (const { id, type, payload } of written) {
    const changes = type === MANY ? decodeChanges(payload) : [decodeChange(type, payload)];
    // Half of it would look like all of it.
    if (changes.length === 0 || changes.includes(undefined)) rubbish.push(id);
    else for (const change of changes) debts.push({ id, change: change! });
  }
  return { debts, rubbish };
}

function decodeChanges(payload: string): readonly (RemoteChange | undefined)[] {
  try {
    const each: unknown = JSON.parse(payload);
    if (!Array.isArray(each)) return [];
    return each.map((one: unknown) =>
      isTexts(one) && one.length === 2 ? decodeChange(one[0], one[1]) : undefined,
    );
  } catch {
    return [];
  }
}

function decodeGuard(type: 'g' | 'u', body: readonly unknown[]): RemoteChange | undefined {
  const [id, keys] = [body[0], body.at(-1)];
  if (typeof id !== 'string' || !isKeys(keys)) return undefined;
  if (type === 'u') return { kind: 'unguard', keys, id };
  const ms = body[1];
  return typeof ms === 'number' && ms > 0 ? { kind: 'guard', keys, id, ms } : undefined;
}

function isKeys(value: unknown): value is RemoteKey[] {
  return Array.isArray(value) && value.every(isKey);
}

function isKey(value: unknown): value is RemoteKey {
  return isTexts(value) && value.length === 3 && isPlace(value[1]);
}

function isTexts(value: unknown): value is string[] {
  return Array.isArray(value) && value.every((text) => typeof text === 'string');
}
