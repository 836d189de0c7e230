/** A key with where it lives, as warming knows it. Pure. */

export interface KeyRef {
  /** `p` or `t:` + id. */
  readonly tenant: string;
  readonly cache: string;
  readonly key: string;
}

/** A key with its faded count, as it is kept between two lives of a process. */
export type HotKey = readonly [tenant: string, cache: string, key: string, count: number];

export function nameOf({ tenant, cache, key }: KeyRef): string {
  return `${tenant}\u0000${cache}\u0000${key}`;
}

/** The tenant and cache it belongs to. */
export function placeOf({ tenant, cache }: Omit<KeyRef, 'key'>): string {
  return `${tenant}\u0000${cache}`;
}

/** What stands before the first colon: `user` of `user:42`; '' where there is none. */
export function groupOf(key: string): string {
  const end = key.indexOf(':');
  return end < 0 ? '' : key.slice(0, end);
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
