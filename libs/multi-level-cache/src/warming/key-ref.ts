/** A key with where it lives, as warming knows it. Pure. */

export interface KeyRef {
  /** `p` or `t:` + id. */
  readonly tenant: string;
  readonly cache: string;
  readonly key: string;
}

/** A key with its faded count, as it is kept between two lives of a process. */
export type HotKey = readonly [tenant: string, cache: string, key: string, count: number];

/** As it is kept: a hundredth of an access is enough. */
export function hotKeyOf({ tenant, cache, key }: KeyRef, count: number): HotKey {
  return [tenant, cache, key, Math.round(count * 100) / 100];
}

export function nameOf({ tenant, cache, key }: KeyRef): string {
  return `${tenant}\u0000${cache}\u0000${key}`;
}

/** The tenant and cache it belongs to. */
export function placeOf({ tenant, cache }: Omit<KeyRef, 'key'>): string {
  return `${tenant}\u0000${cache}`;
}

/** Whether something that came from a store is a list of hot keys. */
export function isHotKeys(value: unknown): value is HotKey[] {
  return (
    Array.isArray(value) &&
    value.every(
      (one: unknown) =>
        Array.isArray(one) &&
        one.length === 4 &&
        one.slice(0, 3).every((text) => typeof text === 'string') &&
        Number.isFinite(one[3]),
    )
  );
}
