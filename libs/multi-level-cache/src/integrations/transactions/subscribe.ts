/** A subscriber of a TypeORM DataSource for as long as it is wanted, whenever and however often that is initialised. */
import { shareMethod } from './shared-method.js';

/** The part of a `DataSource` that is looked at. */
export interface Subscribed {
  readonly subscribers: object[];
}

/** Returns how to end it. */
export function subscribe(source: Subscribed, subscriber: object): () => void {
  const add = (one: object): void => {
    if (!source.subscribers.includes(one)) source.subscribers.push(one);
  };
  // `initialize()` makes a list of its own.
  const leave = shareMethod(source, 'initialize', subscriber, (initialize, ours) => async () => {
    const ready = await initialize();
    ours.forEach(add);
    return ready;
  });
  add(subscriber);
  return () => {
    leave();
    const at = source.subscribers.indexOf(subscriber);
    if (at >= 0) source.subscribers.splice(at, 1);
  };
}
