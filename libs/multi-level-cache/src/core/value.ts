/** What may be cached, how big it is, and how a stored value is kept from its callers' hands. No bytes here: codec.ts. */
import { types } from 'node:util';
import { CacheError } from './errors.js';
import type { AnyClass } from './key.js';

/** What one walk over a value found out. */
export interface Shape {
  /** JSON alone would change it: dates, maps, sets, bigints, binary, `undefined`, NaN, infinities, `-0`. */
  readonly rich: boolean;
  /** Holds something freezing cannot protect (Map, Set, Date, binary): callers get copies. */
  readonly copied: boolean;
  /** Rough bytes on the heap. */
  readonly bytes: number;
}

type Plain = Record<string, unknown>;

const MAX_DEPTH = 256;
/** From here on it is remembered what a value is a part of: nothing that refers back to itself ends before, and most values do. */
const DEEP = 8;
/** Reading digits costs with the square of their number: a million of them stop a process for 100 ms. */
const MAX_BIGINT = 1n << 65_536n;
export const MAX_BIGINT_TEXT = String(-MAX_BIGINT).length;
const TYPED_ARRAYS = [
  Int8Array,
  Uint8Array,
  Uint8ClampedArray,
  Int16Array,
  Uint16Array,
  Int32Array,
  Uint32Array,
  Float32Array,
  Float64Array,
  BigInt64Array,
  BigUint64Array,
] as const;
type BinaryConstructor = new (buffer: ArrayBuffer) => ArrayBufferView;
/** Binary kinds by name; a value's prototype must be exactly one of theirs. */
export const BINARY_KINDS: ReadonlyMap<string, BinaryConstructor> = new Map<
  string,
  BinaryConstructor
>([...TYPED_ARRAYS, DataView].map((kind) => [kind.name, kind as BinaryConstructor]));
const BINARY_NAMES = new Map<object, string>([
  ...[...BINARY_KINDS].map(([name, kind]) => [kind.prototype as object, name] as const),
  [Buffer.prototype, 'Buffer'],
  [ArrayBuffer.prototype, 'ArrayBuffer'],
]);

/** Name of the binary kind of `value`, if it is one. */
export function binaryKind(value: object): string | undefined {
  return BINARY_NAMES.get(Object.getPrototypeOf(value) as object);
}

/** Classes whose instances may be cached, by name. */
export type ClassMap = ReadonlyMap<string, AnyClass>;
export const NO_CLASSES: ClassMap = new Map();

/** Name of the listed class `value` is a direct instance of, if it is one. */
export function listedClass(value: object, classes: ClassMap): string | undefined {
  if (classes.size === 0) return undefined;
  const prototype: unknown = Object.getPrototypeOf(value);
  for (const [name, listed] of classes) if (listed.prototype === prototype) return name;
  return undefined;
}

/**
 * Why a member is not taken, neither into a tier nor out of one; `undefined` = it is. Held as a value neither of these does
 * harm. Merged into another object, `__proto__` and `constructor.prototype` reach the prototype of all objects (CWE-1321); a
 * member named `constructor` alone reaches nothing, and is data.
 */
export function refuseName(name: string, member: unknown): string | undefined {
  if (name === '__proto__') return 'a member named __proto__';
  if (name !== 'constructor' || typeof member !== 'object' || member === null) return undefined;
  return Object.hasOwn(member, 'prototype') ? 'members named constructor.prototype' : undefined;
}

/** A plain object, also one without prototype or from another realm. */
export function isPlain(value: object): value is Record<string, unknown> {
  const prototype: unknown = Object.getPrototypeOf(value);
  if (prototype === null || prototype === Object.prototype) return true;
  return (
    Object.getPrototypeOf(prototype) === null && Object.hasOwn(prototype as object, 'isPrototypeOf')
  );
}

/**
 * Walks a value once.
 *
 * @throws CacheError `CACHE_VALUE_UNCACHEABLE` naming what cannot come back as it went in: functions, symbols, instances of
 * classes that are not listed, circular references, members that are refused by name.
 */
export function inspect(value: unknown, classes = NO_CLASSES): Shape {
  const walk = new Walk(classes);
  walk.visit(value, 0);
  return { rich: walk.rich, copied: walk.copied, bytes: walk.bytes };
}

/**
 * The same of what `JSON.parse` made of plain JSON: there is nothing rich in it, and nothing refers back.
 *
 * @throws RangeError where it is nested too deeply
 */
export function plainShape(value: unknown): Shape {
  return { rich: false, copied: false, bytes: weigh(value, 0) };
}

function weigh(value: unknown, depth: number): number {
  if (typeof value === 'string') return 24 + value.length;
  if (typeof value !== 'object') return 8;
  if (value === null) return 0;
  if (depth > MAX_DEPTH) throw new RangeError('nested too deeply');
  let bytes = 32;
  // By name, not by `Object.values`: a list of the members costs more than looking at them.
  if (Array.isArray(value)) for (const member of value) bytes += 8 + weigh(member, depth + 1);
  else for (const name in value) bytes += 8 + weigh((value as Plain)[name], depth + 1);
  return bytes;
}

class Walk {
  rich = false;
  copied = false;
  bytes = 0;
  #path: Set<object> | undefined;

  constructor(readonly classes: ClassMap) {}

  visit(value: unknown, depth: number): void {
    switch (typeof value) {
      case 'string':
        this.bytes += 24 + value.length;
        return;
      case 'number':
        this.bytes += 8;
        if (!Number.isFinite(value) || Object.is(value, -0)) this.rich = true;
        return;
      case 'boolean':
        this.bytes += 4;
        return;
      case 'undefined':
        this.rich = true;
        return;
      case 'bigint':
        if (value > MAX_BIGINT || value < -MAX_BIGINT)
          throw uncacheable('a bigint of more than 65,536 bits');
        this.bytes += 24;
        this.rich = true;
        return;
      case 'object':
        if (value !== null) this.#object(value, depth);
        return;
      default:
        throw uncacheable(`a ${typeof value}`);
    }
  }

  #object(value: object, depth: number): void {
    if (depth > MAX_DEPTH) throw uncacheable(`nesting deeper than ${MAX_DEPTH}`);
    if (depth >= DEEP) {
      this.#path ??= new Set();
      if (this.#path.has(value)) throw uncacheable('a circular reference');
      this.#path.add(value);
    }
    this.bytes += 32;
    if (Array.isArray(value) && Object.getPrototypeOf(value) === Array.prototype) {
      for (let index = 0; index < value.length; index++) this.#member(value[index], depth);
    } else if (isPlain(value)) this.#plain(value, depth);
    else if (listedClass(value, this.classes) !== undefined) {
      this.rich = true;
      this.#plain(value as Record<string, unknown>, depth);
    } else this.#exotic(value, depth);
    this.#path?.delete(value);
  }

  #member(value: unknown, depth: number): void {
    this.bytes += 8;
    this.visit(value, depth + 1);
  }

  #plain(value: Record<string, unknown>, depth: number): void {
    if (Object.getOwnPropertySymbols(value).length > 0)
      throw uncacheable('a member named by a symbol');
    for (const name in value) {
      if (!Object.hasOwn(value, name)) continue;
      const member = value[name];
      const refused = refuseName(name, member);
      if (refused) throw uncacheable(refused);
      // The codec marks its own objects with this name.
      if (name === '$') this.rich = true;
      this.#member(member, depth);
    }
  }

  #exotic(value: object, depth: number): void {
    this.rich = true;
    this.copied = true;
    const prototype: unknown = Object.getPrototypeOf(value);
    if (types.isDate(value) && prototype === Date.prototype) return;
    if (types.isMap(value) && prototype === Map.prototype) {
      for (const [key, member] of value) {
        this.#member(key, depth);
        this.#member(member, depth);
      }
    } else if (types.isSet(value) && prototype === Set.prototype) {
      for (const member of value) this.#member(member, depth);
    } else if (binaryKind(value)) this.bytes += (value as ArrayBufferView | ArrayBuffer).byteLength;
    else throw uncacheable(`an instance of ${className(value)}`);
  }
}

function className(value: object): string {
  const name: unknown = (value.constructor as { name?: unknown } | undefined)?.name;
  return typeof name === 'string' && name !== '' ? name : 'an unnamed class';
}

function uncacheable(what: string): CacheError {
  return new CacheError(
    'CACHE_VALUE_UNCACHEABLE',
    `the value holds ${what}; cache plain data (objects, arrays, Map, Set, Date, BigInt, binary) or list its class in \`type\``,
  );
}

/** Freezes plain objects and arrays all the way down, in place; callers may then share them. */
export function deepFreeze<T>(value: T): T {
  // Also below what is frozen already: it may hold members that are not.
  if (typeof value !== 'object' || value === null) return value;
  if (Array.isArray(value)) for (const member of value) freezeMember(member);
  else for (const name in value) if (Object.hasOwn(value, name)) freezeMember(value[name]);
  return Object.freeze(value);
}

function freezeMember(member: unknown): void {
  if (typeof member === 'object') deepFreeze(member);
}

/** A deep copy with the same types; the caller may do with it what it likes. */
export function deepCopy<T>(value: T): T {
  return copyAny(value) as T;
}

function copyAny(value: unknown): unknown {
  if (typeof value !== 'object' || value === null) return value;
  if (Array.isArray(value)) return copyArray(value);
  // Most are: the others are asked for by what is slower.
  if (isPlain(value)) return copyPlain(value);
  if (types.isDate(value)) return new Date(value.getTime());
  if (types.isMap(value))
    return new Map([...value].map(([key, member]) => [copyAny(key), copyAny(member)]));
  if (types.isSet(value)) return new Set([...value].map(copyAny));
  const binary = binaryKind(value);
  if (binary) return copyBinary(binary, value as ArrayBufferView | ArrayBuffer);
  return Object.assign(
    Object.create(Object.getPrototypeOf(value) as object) as object,
    copyPlain(value as Plain),
  );
}

/** By hand: `Array.from` costs several times that. */
function copyArray(value: readonly unknown[]): unknown[] {
  const copy: unknown[] = [];
  for (let index = 0; index < value.length; index++) copy.push(copyAny(value[index]));
  return copy;
}

/** All at once, and then what is not shared: member by member costs several times that. */
function copyPlain(value: Plain): Plain {
  const copy = { ...value };
  for (const name in copy) {
    const member = copy[name];
    if (typeof member === 'object' && member !== null) copy[name] = copyAny(member);
  }
  return copy;
}

/** The bytes of a binary value, without those of the buffer around it. */
export function bytesOf(value: ArrayBufferView | ArrayBuffer): Buffer {
  return ArrayBuffer.isView(value)
    ? Buffer.from(value.buffer, value.byteOffset, value.byteLength)
    : Buffer.from(value);
}

/** A binary value of the named kind with its own memory. */
export function copyBinary(kind: string, source: ArrayBufferView | ArrayBuffer): unknown {
  const bytes = bytesOf(source);
  if (kind === 'Buffer') return Buffer.from(bytes);
  const memory = new ArrayBuffer(bytes.length);
  new Uint8Array(memory).set(bytes);
  if (kind === 'ArrayBuffer') return memory;
  const constructor = BINARY_KINDS.get(kind);
  if (!constructor) throw new TypeError(`unknown binary kind`);
  return new constructor(memory);
}
