/** `'product:{0}'`: a key with places for arguments, parsed once at decoration. */
import { CacheError } from '../../core/errors.js';
import { textFault } from '../../core/key.js';

const PLACE = /\{(\d{1,3})\}/;

/** Spells a key from a method's arguments. */
export type KeyOf = (args: readonly unknown[]) => string;

/**
 * How a template becomes a key, or `undefined` if it is none: empty, no valid text, or two places with nothing between.
 *
 * With one place the argument stands as it is. With several, the separators between the places are percent-encoded in the
 * arguments, so that `('a:b', 'c')` and `('a', 'b:c')` never share a key.
 */
export function keyTemplate(template: unknown): KeyOf | undefined {
  if (typeof template !== 'string' || textFault(template) !== undefined) return undefined;
  const parts = template.split(PLACE);
  const literals = parts.filter((_part, index) => index % 2 === 0);
  const places = parts.filter((_part, index) => index % 2 === 1).map(Number);
  const between = literals.slice(1, -1);
  if (between.includes('')) return undefined;
  const reserved = new Set(between.length > 0 ? `${between.join('')}%` : '');
  return (args) => {
    let [key = ''] = literals;
    places.forEach((place, index) => {
      key += escape(asText(args[place], place), reserved) + (literals[index + 1] ?? '');
    });
    return key;
  };
}

function asText(value: unknown, place: number): string {
  switch (typeof value) {
    case 'string':
      return value;
    case 'number':
    case 'bigint':
    case 'boolean':
      return String(value);
    case 'function':
    case 'object':
    case 'symbol':
    case 'undefined':
    default:
      throw new CacheError(
        'CACHE_KEY_INVALID',
        `argument ${place + 1} is ${value === null ? 'null' : typeof value}; a key template takes texts, numbers and booleans`,
      );
  }
}

function escape(text: string, reserved: ReadonlySet<string>): string {
  if (reserved.size === 0) return text;
  let escaped = '';
  for (const character of text) {
    escaped += reserved.has(character)
      ? [...Buffer.from(character)].map((byte) => `%${byte.toString(16).padStart(2, '0')}`).join('')
      : character;
  }
  return escaped;
}
