/**
 * Spells arguments as text, so that equal arguments give equal keys and different ones different keys.
 *
 * Every value starts with a letter for its type; texts and collections carry their length, so no content can imitate
 * structure. Members of an object are sorted; Map and Set keep their order, because a caller can see it.
 */
import { createHash } from 'node:crypto';
import { types } from 'node:util';
import { CacheError } from './errors.js';
import { textFault } from './key.js';
import { Lately } from './lately.js';
import { binaryKind, bytesOf, isPlain } from './value.js';

const MAX_DEPTH = 64;
/** Twice so many keys of one method are remembered at most, of texts no longer than that. */
const REMEMBERED = 1_024;
const REMEMBERED_LENGTH = 64;

/** Default keys of one method; those of a single text or number are spelled once, for spelling costs more than the hit it is for. */
export class DefaultKeys {
  readonly #spelled = new Lately<string | number, string>(REMEMBERED);

  constructor(readonly prefix: string) {}

  /** @throws CacheError `CACHE_KEY_INVALID` as {@link defaultKey} */
  of(args: readonly unknown[]): string {
    const [only] = args;
    if (args.length !== 1 || !isShort(only)) return defaultKey(this.prefix, args);
    const known = this.#spelled.get(only);
    if (known !== undefined) return known;
    const key = defaultKey(this.prefix, args);
    this.#spelled.set(only, key);
    return key;
  }
}

/** A map finds it as what it is: to a map 0 and -0 are one. */
function isShort(value: unknown): value is string | number {
  return typeof value === 'string'
    ? value.length <= REMEMBERED_LENGTH
    : typeof value === 'number' && value > 0;
}

/**
 * `prefix` + canonical arguments; hashed where that is no valid key (long, control characters, lone surrogates).
 *
 * @throws CacheError `CACHE_KEY_INVALID` naming the first argument that has no canonical form.
 */
export function defaultKey(prefix: string, args: readonly unknown[]): string {
  let spelled = '';
  for (let index = 0; index < args.length; index++) {
    if (index > 0) spelled += ',';
    spelled += spell(args[index], index, 0, NO_PARENTS);
  }
  const key = `${prefix}(${spelled})`;
  if (textFault(key) === undefined) return key;
  // UTF-16 keeps lone surrogates apart, UTF-8 would not.
  const digest = createHash('sha256').update(Buffer.from(spelled, 'utf16le')).digest('base64url');
  return `${prefix}(~${digest})`;
}

const NO_PARENTS: readonly object[] = [];

function spell(
  value: unknown,
  argument: number,
  depth: number,
  parents: readonly object[],
): string {
  switch (typeof value) {
    case 'string':
      return `s${value.length}:${value}`;
    case 'number':
      return Object.is(value, -0) ? 'd-0' : `d${value}`;
    case 'boolean':
      return value ? 't' : 'f';
    case 'undefined':
      return 'u';
    case 'bigint':
      return `i${value}`;
    case 'object':
      return value === null ? 'n' : spellObject(value, argument, depth, parents);
    case 'function':
    case 'symbol':
    default:
      throw unserialisable(argument, `a ${typeof value}`);
  }
}

function spellObject(
  value: object,
  argument: number,
  depth: number,
  above: readonly object[],
): string {
  if (depth > MAX_DEPTH) throw unserialisable(argument, `nesting deeper than ${MAX_DEPTH}`);
  if (above.includes(value)) throw unserialisable(argument, 'a circular reference');
  const parents = [...above, value];
  const member = (inner: unknown): string => spell(inner, argument, depth + 1, parents);
  const prototype: unknown = Object.getPrototypeOf(value);
  if (Array.isArray(value) && prototype === Array.prototype) return spellList(value, member);
  if (isPlain(value)) return spellPlain(value, argument, member);
  if (types.isDate(value) && prototype === Date.prototype) return `D${value.getTime()}`;
  if (types.isMap(value) && prototype === Map.prototype) {
    return `M${value.size}{${Array.from(value, ([key, item]) => `${member(key)}=${member(item)}`).join(',')}}`;
  }
  if (types.isSet(value) && prototype === Set.prototype) {
    return `S${value.size}{${Array.from(value, member).join(',')}}`;
  }
  const binary = binaryKind(value);
  if (binary) {
    const bytes = bytesOf(value as ArrayBufferView | ArrayBuffer);
    return `B${binary}:${bytes.length}:${bytes.toString('base64url')}`;
  }
  throw unserialisable(argument, `an instance of ${className(value)}`);
}

function spellList(list: readonly unknown[], member: (value: unknown) => string): string {
  // A hole is not `undefined`: `in` and `forEach` tell them apart.
  const items = Array.from(list, (item, index) => (index in list ? member(item) : 'x'));
  return `a${list.length}[${items.join(',')}]`;
}

function spellPlain(
  value: Record<string, unknown>,
  argument: number,
  member: (value: unknown) => string,
): string {
  if (Object.getOwnPropertySymbols(value).length > 0) {
    throw unserialisable(argument, 'a member named by a symbol');
  }
  const names = Object.keys(value).toSorted();
  const members = names.map((name) => `${name.length}:${name}=${member(value[name])}`);
  return `o${names.length}{${members.join(',')}}`;
}

function className(value: object): string {
  const name: unknown = (value.constructor as { name?: unknown } | undefined)?.name;
  return typeof name === 'string' && name !== '' ? name : 'an unnamed class';
}

function unserialisable(argument: number, what: string): CacheError {
  return new CacheError(
    'CACHE_KEY_INVALID',
    `argument ${argument + 1} holds ${what}, which has no canonical form; give a \`key\``,
  );
}
