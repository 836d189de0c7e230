/** The loader's turn: runs it, lets it set options of its result, and says how long it took. */
import type { Clock } from '../core/clock.js';
import { entryLife, type EntryLife } from '../core/entry-options.js';
import type { EventHub } from '../core/events.js';
import type { LoaderContext } from './cache-manager.js';
import type { Flight } from './single-flight.js';

/** What a loader made. */
export interface Loaded {
  readonly value: unknown;
  readonly life: EntryLife;
  /** How long it took, in ms. */
  readonly loadMs: number;
}

/** Runs the loader of a flight; its error is thrown as it was. */
export async function runLoader(flight: Flight, clock: Clock, events: EventHub): Promise<Loaded> {
  const { scope, key } = flight.address;
  let life = flight.life;
  const context: LoaderContext = {
    signal: flight.signal,
    setOptions: (options) => {
      const tags = life.tags;
      life = entryLife(options, life);
      if (options.tags === undefined) life = { ...life, tags };
    },
  };
  const before = clock.now();
  const tell = (failure?: { error: unknown }): void => {
    if (events.has('load'))
      events.emit('load', {
        cache: scope.cache,
        key,
        durationMs: clock.now() - before,
        ...failure,
      });
  };
  try {
    const value: unknown = await flight.loader(key, context);
    tell();
    return { value, life, loadMs: clock.now() - before };
  } catch (error) {
    tell({ error });
    throw error;
  }
}
