/**
 * Values to bytes and back, without loss of type and without code or prototypes from the wire.
 *
 * Text is JSON. What JSON can say is stored as plain JSON, so that decoding costs one `JSON.parse`. A value that JSON
 * would change ("rich", value.ts) is stored with marks: an object `{ "$": kind, "v": … }` stands for the value it names.
 */
import {
  BINARY_KINDS,
  binaryKind,
  bytesOf,
  copyBinary,
  listedClass,
  MAX_BIGINT_TEXT,
  NO_CLASSES,
  type ClassMap,
  type Shape,
  refuseName,
} from './value.js';
import { isParsable } from './json-limits.js';

/** How a payload is written; part of the envelope's flags. */
export const CODEC = { json: 0, marked: 1 } as const;
export type Codec = (typeof CODEC)[keyof typeof CODEC];

const MAX_DEPTH = 600;
// What refuseName refuses; escapes could hide one.
const SUSPICIOUS = /__proto__|prototype|\\u00/;

/** The text of an inspected value and the codec it is in. */
export function encode(
  value: unknown,
  shape: Shape,
  classes = NO_CLASSES,
): { codec: Codec; text: string } {
  if (!shape.rich) return { codec: CODEC.json, text: JSON.stringify(value) };
  return { codec: CODEC.marked, text: JSON.stringify(mark(value, classes)) };
}

/**
 * The value again.
 *
 * @throws SyntaxError or TypeError on bytes this codec did not write; readers count that as a corrupt entry.
 */
export function decode(
  codec: Codec,
  bytes: Buffer,
  classes = NO_CLASSES,
  /** Where the payload begins. */
  start = 0,
): unknown {
  if (!isParsable(bytes, start)) throw new RangeError('too much to parse');
  const text = bytes.toString('utf8', start);
  const parsed: unknown = JSON.parse(text);
  if (codec === CODEC.marked) return unmark(parsed, 0, classes);
  if (SUSPICIOUS.test(text)) refusePrototypes(parsed, 0);
  return parsed;
}

function mark(value: unknown, classes: ClassMap): unknown {
  switch (typeof value) {
    case 'undefined':
      return { $: 'undefined' };
    case 'bigint':
      return { $: 'bigint', v: value.toString() };
    case 'number':
      if (Number.isFinite(value) && !Object.is(value, -0)) return value;
      return { $: 'number', v: Object.is(value, -0) ? '-0' : String(value) };
    case 'object':
      return value === null ? null : markObject(value, classes);
    default:
      return value;
  }
}

function markObject(value: object, classes: ClassMap): unknown {
  const inner = (member: unknown): unknown => mark(member, classes);
  if (Array.isArray(value)) return Array.from(value, inner);
  const binary = binaryKind(value);
  if (binary)
    return { $: binary, v: bytesOf(value as ArrayBufferView | ArrayBuffer).toString('base64') };
  if (value instanceof Date) {
    const time = value.getTime();
    return { $: 'Date', v: Number.isNaN(time) ? null : time };
  }
  if (value instanceof Map)
    return { $: 'Map', v: [...value].map(([key, member]) => [inner(key), inner(member)]) };
  if (value instanceof Set) return { $: 'Set', v: [...value].map(inner) };
  const members = Object.entries(value).map(([name, member]) => [name, inner(member)] as const);
  const name = listedClass(value, classes);
  if (name !== undefined) return { $: 'class', n: name, v: members };
  return Object.hasOwn(value, '$') ? { $: 'object', v: members } : Object.fromEntries(members);
}

function unmark(value: unknown, depth: number, classes: ClassMap): unknown {
  if (typeof value !== 'object' || value === null) return value;
  if (depth > MAX_DEPTH) throw new TypeError('nesting too deep');
  if (Array.isArray(value)) {
    for (let index = 0; index < value.length; index++)
      value[index] = unmark(value[index], depth + 1, classes);
    return value;
  }
  const object = value as Record<string, unknown>;
  if (Object.hasOwn(object, '$')) return revive(object, depth, classes);
  for (const name of Object.keys(object)) {
    const member = unmark(object[name], depth + 1, classes);
    assertHarmless(name, member);
    object[name] = member;
  }
  return object;
}

function revive(
  { $: kind, v: body, n: name }: Record<string, unknown>,
  depth: number,
  classes: ClassMap,
): unknown {
  switch (kind) {
    case 'undefined':
      return undefined;
    case 'bigint':
      if (text(body).length > MAX_BIGINT_TEXT) throw new RangeError('too long a bigint');
      return BigInt(text(body));
    case 'number':
      return Number(text(body));
    case 'Date':
      return new Date(body === null ? NaN : number(body));
    case 'Map':
      return new Map(list(body).map((pair) => members(pair, depth, classes)));
    case 'Set':
      return new Set(list(body).map((member) => unmark(member, depth + 1, classes)));
    case 'object':
      return Object.fromEntries(named(body, depth, classes));
    case 'class':
      return reviveInstance(text(name), named(body, depth, classes), classes);
    default:
      return reviveBinary(text(kind), body);
  }
}

function reviveBinary(kind: string, body: unknown): unknown {
  if (kind !== 'Buffer' && kind !== 'ArrayBuffer' && !BINARY_KINDS.has(kind))
    throw new TypeError('unknown mark');
  return copyBinary(kind, Buffer.from(text(body), 'base64'));
}

/** Only classes the application has listed; anything else is not ours. */
function reviveInstance(name: string, own: [string, unknown][], classes: ClassMap): object {
  const listed = classes.get(name);
  if (!listed) throw new TypeError('a class that is not listed');
  const instance = Object.create(listed.prototype as object) as object;
  for (const [member, value] of own)
    Object.defineProperty(instance, member, {
      value,
      enumerable: true,
      writable: true,
      configurable: true,
    });
  return instance;
}

function named(body: unknown, depth: number, classes: ClassMap): [string, unknown][] {
  return list(body).map((pair) => {
    const [name, member] = members(pair, depth, classes);
    assertHarmless(text(name), member);
    return [text(name), member];
  });
}

function members(pair: unknown, depth: number, classes: ClassMap): [unknown, unknown] {
  const [key, member] = list(pair);
  return [unmark(key, depth + 1, classes), unmark(member, depth + 1, classes)];
}

function list(value: unknown): unknown[] {
  if (!Array.isArray(value)) throw new TypeError('a mark holds no list');
  return value;
}

function text(value: unknown): string {
  if (typeof value !== 'string') throw new TypeError('a mark holds no text');
  return value;
}

function number(value: unknown): number {
  if (typeof value !== 'number') throw new TypeError('a mark holds no number');
  return value;
}

function assertHarmless(name: string, member: unknown): void {
  const refused = refuseName(name, member);
  if (refused) throw new TypeError(refused);
}

function refusePrototypes(value: unknown, depth: number): void {
  if (typeof value !== 'object' || value === null) return;
  if (depth > MAX_DEPTH) throw new TypeError('nesting too deep');
  for (const name of Object.keys(value)) {
    const member = (value as Record<string, unknown>)[name];
    assertHarmless(name, member);
    refusePrototypes(member, depth + 1);
  }
}
