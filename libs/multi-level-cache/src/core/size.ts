/** Sizes as users write them, turned into bytes. */

/** Bytes as a number, or text such as `'64kb'`, `'64mb'`, `'2gb'`. */
export type Size = number | `${number}${'b' | 'kb' | 'mb' | 'gb'}`;

const UNITS: Readonly<Record<string, number>> = { b: 1, kb: 1024, mb: 1024 ** 2, gb: 1024 ** 3 };
const PATTERN = /^(\d+(?:\.\d+)?)(b|kb|mb|gb)$/i;

/** What a size must look like, for error messages. */
export const SIZE_FORM = "bytes as a whole number above 0 or text such as '64kb', '64mb', '2gb'";

/** Bytes, or `undefined` if it is no size above 0. */
export function parseSize(value: unknown): number | undefined {
  const match = typeof value === 'string' ? PATTERN.exec(value) : undefined;
  const bytes = match ? Math.floor(Number(match[1]) * UNITS[match[2].toLowerCase()]) : value;
  return typeof bytes === 'number' && Number.isSafeInteger(bytes) && bytes > 0 ? bytes : undefined;
}
