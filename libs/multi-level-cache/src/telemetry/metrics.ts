/** The metrics of a cache: counters that are read when the exporter asks, and histograms fed by events. */
import { watchCounters, type Numbered, type ObservableMaker } from './counters.js';
import { watchDurations, type HistogramMaker, type Recording, type Telling } from './histograms.js';

/** What telemetry needs of a cache. */
export interface Observed extends Telling {
  stats(): Numbered;
}

/** What makes instruments: a meter, or nestjs-otel's service in its shape. */
export type Instruments = ObservableMaker & HistogramMaker;

/** Whether somebody collects what is recorded. */
export interface Observing {
  readonly dark: boolean;
  stop(): void;
}

/** Registers all instruments of a cache; `stop` lets go of it. */
export function observe(cache: Observed, make: Instruments): Observing {
  let durations: Recording | undefined;
  const read = (): Numbered => {
    // Counters are read first when somebody collects.
    durations?.flush();
    return cache.stats();
  };
  const counters = watchCounters(read, make);
  // Without an SDK the API hands out instruments that do nothing, and goes on doing so for ever.
  const dark = counters.first.constructor.name.startsWith('Noop');
  if (!dark) durations = watchDurations(cache, make);
  const stop = (): void => {
    counters.stop();
    durations?.stop();
  };
  return { dark, stop };
}
