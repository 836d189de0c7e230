/** Refused entries: counted by reason, and told to whoever listens. */
import type { Refusal, Refused } from '../../core/vault.js';

export class Refusals {
  readonly #counts: Record<Refusal, number> = { 'unknown-key': 0, tampered: 0, unsigned: 0 };
  readonly #listeners = new Set<(refused: Refused) => void>();

  get counts(): Readonly<Record<Refusal, number>> {
    return { ...this.#counts };
  }

  /** A listener that throws is its owner's bug; it must not fail the read that told it. */
  add(refused: Refused): void {
    this.#counts[refused.reason]++;
    for (const listener of this.#listeners) {
      try {
        listener(refused);
      } catch (error) {
        const name = error instanceof Error ? error.name : typeof error;
        process.emitWarning(`a listener of refused entries threw: ${name}`);
      }
    }
  }

  /** The returned function ends it. */
  listen(listener: (refused: Refused) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }
}
