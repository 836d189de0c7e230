/** Options as an operator may see them. What is not known to be harmless is not shown. */
import type { Setting } from '../core/inspection.js';

const HIDDEN = '***';
const DEPTH = 8;
/** Texts of these options are shown, wherever they stand; of no other one. */
const TEXTS: ReadonlySet<string> = new Set([
  'namespace',
  'host',
  'name',
  'schema',
  'table',
  'failover',
  'eviction',
  'isolation',
  'consistency',
  'tenancy',
  'sink',
  'file',
  'tiers',
  'groups',
  'noL1',
  'minVersion',
  'maxVersion',
]);
/** Nothing at all is shown of these, but that a function makes them. */
const SECRET =
  /pass|secret|token|credential|^user|^(?:key|cert|ca|crl|pfx|dhparam|ticketKeys|session|masterKeys|tenantKeys)$/i;
const CLIENTS: ReadonlySet<string> = new Set(['client', 'dataSource']);

/** The options, deep; `undefined` members are left out. */
export function shown(options: object): Setting {
  return showMember('', options, DEPTH);
}

function showMember(name: string, value: unknown, depth: number): Setting {
  if (typeof value === 'function') return '[function]';
  if (value === null || typeof value === 'boolean') return value;
  if (CLIENTS.has(name)) return '[client]';
  if (SECRET.test(name) || depth === 0) return HIDDEN;
  if (typeof value === 'number') return Number.isFinite(value) ? value : String(value);
  if (typeof value === 'string') return showText(name, value);
  if (typeof value === 'object') return showObject(name, value, depth - 1);
  return HIDDEN;
}

function showText(name: string, value: string): string {
  if (name === 'url') return showUrl(value);
  return TEXTS.has(name) ? value : HIDDEN;
}

/**
 * Neither user and password nor what follows the host: parameters hold secrets as well. Where an `@` comes later a password may have
 * been taken for a host.
 */
function showUrl(value: string): string {
  if (!URL.canParse(value)) return HIDDEN;
  const { hash, host, pathname, protocol, search } = new URL(value);
  return `${pathname}${search}${hash}`.includes('@') ? HIDDEN : `${protocol}//${host}`;
}

function showObject(name: string, value: object, depth: number): Setting {
  if (Array.isArray(value)) return value.map((one: unknown) => showMember(name, one, depth));
  const prototype: unknown = Object.getPrototypeOf(value);
  if (prototype !== Object.prototype && prototype !== null) return `[${classOf(value)}]`;
  const members = Object.entries(value).filter(([, member]) => member !== undefined);
  return Object.fromEntries(
    members.map(([member, inner]) => [member, showMember(member, inner, depth)]),
  );
}

function classOf(value: object): string {
  const { name } = value.constructor as { readonly name?: unknown };
  return typeof name === 'string' && name !== '' ? name : 'object';
}
