/** Times as users write them, turned into milliseconds. */

/** Milliseconds as a number, or text such as `'250ms'`, `'30s'`, `'5m'`, `'2h'`, `'7d'`. */
export type Duration = number | `${number}${'ms' | 's' | 'm' | 'h' | 'd'}`;

const UNITS: Readonly<Record<string, number>> = {
  ms: 1,
  s: 1_000,
  m: 60_000,
  h: 3_600_000,
  d: 86_400_000,
};
const PATTERN = /^(\d+(?:\.\d+)?)(ms|s|m|h|d)$/;

/** What a duration must look like, for error messages. */
export const DURATION_FORM =
  "milliseconds as a number or text such as '250ms', '30s', '5m', '2h', '7d'";

/** Milliseconds, or `undefined` if it is no finite duration of 0 or more. */
export function parseDuration(value: unknown): number | undefined {
  if (typeof value === 'number') return Number.isFinite(value) && value >= 0 ? value : undefined;
  if (typeof value !== 'string') return undefined;
  const match = PATTERN.exec(value);
  return match ? Number(match[1]) * UNITS[match[2]] : undefined;
}
