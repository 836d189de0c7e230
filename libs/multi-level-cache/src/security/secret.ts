/** Secrets that an application gives once, at boot: names of keys and messages between instances depend on them all the time. */
import { createSecretKey, type KeyObject } from 'node:crypto';
import type { Clock } from '../core/clock.js';
import { Deadline } from '../core/deadline.js';
import { CacheError } from '../core/errors.js';
import type { MaybePromise } from '../core/tier.js';

/** What must be true of a secret, in words for who configures it. */
export interface Wanted {
  /** Its option. */
  readonly option: string;
  readonly bytes: number;
  /** What cannot be done without it. */
  readonly else: string;
}

/** A callback that gives nothing for so long fails the boot, ms. */
const LATE_MS = 10_000;

/** @throws CacheError `CACHE_CONFIG_INVALID` where the callback fails, is late or gives too little */
export async function secretOf(
  provider: () => MaybePromise<string | Uint8Array>,
  wanted: Wanted,
  clock: Clock,
): Promise<KeyObject> {
  const deadline = new Deadline(clock, LATE_MS, wanted.option);
  let given: unknown;
  try {
    given = await deadline.race((async () => provider())());
  } catch {
    // Not as a cause: what the callback throws may hold what must not be told.
    throw invalid(wanted, `has failed: without it ${wanted.else}`);
  }
  const isKey = typeof given === 'string' || given instanceof Uint8Array;
  const bytes = isKey ? Buffer.from(given as string) : undefined;
  if (!bytes || bytes.length < wanted.bytes)
    throw invalid(wanted, `must return a secret of at least ${wanted.bytes} bytes`);
  return createSecretKey(bytes);
}

function invalid({ option }: Wanted, what: string): CacheError {
  return new CacheError('CACHE_CONFIG_INVALID', `${option} ${what}`);
}
