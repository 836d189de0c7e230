export interface OpenedCache {
  get(key: string): unknown;
  set(key: string, value: unknown): unknown;
  close(): unknown;
}

export function fill(
  cache: OpenedCache,
  keys: readonly string[],
  valueOf: (key: string) => unknown,
): Promise<void>;
export function check(
  subject: { readonly name: string; readonly bare?: boolean },
  cache: OpenedCache,
  given: {
    readonly tiers: string;
    readonly redisUrl?: string;
    readonly keys: readonly string[];
    readonly valueOf: (key: string) => unknown;
  },
): Promise<void>;
