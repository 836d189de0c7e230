/** What an application may say about messages between its instances, and what the parts get once it has been checked. No checking here. */
import type { MaybePromise } from './tier.js';

/** Asked once, at boot: a text or bytes, at least 32 of them. All instances of an application need the same. */
export type BackplaneKeyProvider = () => MaybePromise<string | Uint8Array>;

/** Options of `security.backplane`. */
export interface BackplaneConfig {
  /**
   * The secret that messages are sealed with. Nothing of it is ever stored, shown or told.
   *
   * @example
   * key: async () => secrets.read('cache-backplane') // 32 random bytes
   */
  readonly key: BackplaneKeyProvider;
}
