/** What a value is made of, for operators: types, lengths and names of members, nothing of what it says. */
import type { ValueShape } from '../core/inspection.js';
import { binaryKind } from '../core/value.js';

const DEPTH = 4;
const MEMBERS = 50;
/** Names of members may be data too: enough of them to know which is meant. */
const NAME_CHARACTERS = 64;
const MORE: ValueShape = Object.freeze({ type: 'more' });

/** Looks four levels deep, at 50 members of each object, and at the first member of a list or set. No code of the value runs. */
export function shapeOf(value: unknown, depth = DEPTH): ValueShape {
  if (value === null) return { type: 'null' };
  switch (typeof value) {
    case 'string':
      return { type: 'string', length: value.length };
    case 'number':
    case 'boolean':
    case 'bigint':
    case 'undefined':
      return { type: typeof value as 'number' };
    case 'object':
      return depth === 0 ? MORE : shapeOfObject(value, depth - 1);
    default:
      return MORE;
  }
}

function shapeOfObject(value: object, depth: number): ValueShape {
  if (value instanceof Date) return { type: 'date' };
  if (binaryKind(value) !== undefined)
    return { type: 'binary', length: (value as ArrayBuffer).byteLength };
  if (value instanceof Map) return { type: 'map', length: value.size };
  if (value instanceof Set) return listed('set', value.size, value.values().next().value, depth);
  if (Array.isArray(value)) return listed('list', value.length, memberOf(value, '0'), depth);
  const names = Object.keys(value);
  const shapes = names
    .slice(0, MEMBERS)
    .map((name) => [shortened(name), shapeOf(memberOf(value, name), depth)] as const);
  const rest = names.length > MEMBERS ? [['…', MORE] as const] : [];
  // Members are defined, not assigned: one called `__proto__` is a member.
  return { type: 'object', members: Object.fromEntries([...shapes, ...rest]) };
}

function listed(type: 'list' | 'set', length: number, first: unknown, depth: number): ValueShape {
  return length === 0 ? { type, length } : { type, length, first: shapeOf(first, depth) };
}

/** Without calling a getter. */
function memberOf(value: object, name: string): unknown {
  return Object.getOwnPropertyDescriptor(value, name)?.value as unknown;
}

function shortened(name: string): string {
  return name.length > NAME_CHARACTERS ? `${name.slice(0, NAME_CHARACTERS)}…` : name;
}
