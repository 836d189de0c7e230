/** Events of all caches in the process, typed, from `node:diagnostics_channel`. */
import { subscribe as listen, unsubscribe } from 'node:diagnostics_channel';
import { channelName, type CacheEventName, type ChannelMessage } from '../../core/events.js';

/**
 * Calls `listener` for each event of every cache in this process; returns how to stop. For tools: an application listens to
 * one cache by `CacheManager.on`. A listener that throws ends the process, as any uncaught exception does.
 *
 * @example
 * const stop = subscribe('load', ({ namespace, cache, durationMs }) => {
 *   console.log(`${namespace}/${cache}: ${durationMs.toFixed(1)} ms`);
 * });
 */
export function subscribe<N extends CacheEventName>(
  event: N,
  listener: (message: ChannelMessage<N>) => void,
): () => void {
  const heard = (message: unknown): void => listener(message as ChannelMessage<N>);
  listen(channelName(event), heard);
  return () => void unsubscribe(channelName(event), heard);
}
