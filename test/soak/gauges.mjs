// What one process counts beside its requests: how the tiers answer the cache, what is on the heap, what nobody has caught.
import { CACHE_L1 } from 'nestjs-multi-level-cache';
import { TierGuard } from '../../libs/multi-level-cache/dist/manager/tier-guard.js';

/** A look into memory has no budget of its own: ms. */
const L1_MS = 1;
const LOWER = ['l2', 'l3'];

/**
 * A read of a tier is one that the cache wanted, also where it was not sent because the tier counted as away, slow or in debt. It
 * is `answered` if the cache got an answer, a miss among them, within the tier's budget on the clock of this process, whoever was
 * to blame for the time; `late` = the answer came, and after that.
 */
export class TierGauges {
  tiers = { l1: none(), l2: none(), l3: none() };

  /** Before the application has made its tiers. */
  static watchLower(gauges) {
    const { value: read } = Object.getOwnPropertyDescriptor(TierGuard.prototype, 'read');
    TierGuard.prototype.read = function watched(...given) {
      const began = performance.now();
      const reading = read.apply(this, given);
      void reading.then((found) =>
        gauges.#count(
          this.tier.name,
          found !== undefined,
          performance.now() - began,
          this.options.budget,
        ),
      );
      return reading;
    };
  }

  static watchMemory(gauges, app) {
    const memory = app.get(CACHE_L1);
    const { hit } = memory;
    memory.hit = function watched(...given) {
      const began = performance.now();
      const row = hit.apply(this, given);
      // Where it has not heard of the others for too long it may not answer.
      gauges.#count('l1', this.clock.now() < this.trustedUntil, performance.now() - began, L1_MS);
      return row;
    };
  }

  reset() {
    for (const name of ['l1', ...LOWER]) this.tiers[name] = none();
  }

  #count(tier, found, ms, budget) {
    const counts = this.tiers[tier];
    counts.reads++;
    if (found && ms <= budget) counts.answered++;
    else if (found) counts.late++;
  }
}

function none() {
  return { reads: 0, answered: 0, late: 0 };
}

/** Bytes that a collection leaves; one, for everything waits while it runs. */
export function heap() {
  globalThis.gc();
  const { heapUsed, arrayBuffers } = process.memoryUsage();
  return heapUsed + arrayBuffers;
}

/** Tells of each error that nobody has caught; the process goes on, so that all are counted. */
export function watchUnhandled(found) {
  for (const event of ['unhandledRejection', 'uncaughtException'])
    process.on(event, (error) => found(String(error?.stack ?? error)));
}
