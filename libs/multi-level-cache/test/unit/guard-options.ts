/** Options of the guard of a tier that stands alone: nothing is above it or below it, and nothing is owed. */
import { EventHub } from '../../src/core/events.js';
import { Tracing } from '../../src/core/tracing.js';
import type { GuardOptions } from '../../src/manager/tier-guard.js';

export function guardOptions(budget: number, onIll: (ill: boolean) => void): GuardOptions {
  return {
    budget,
    isolation: 'freeze',
    random: () => 0.5,
    onIll,
    invalidationTimeout: 250,
    caches: () => [],
    onPaid: () => Promise.resolve(),
    toLocal: () => {
      throw new Error('nothing is owed here');
    },
    silent: false,
    below: () => undefined,
    events: new EventHub('test'),
    tracing: new Tracing(),
  };
}
