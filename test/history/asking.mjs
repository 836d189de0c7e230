// Who answered a read: the event of the cache comes in the async context of the call it concerns.
import { AsyncLocalStorage } from 'node:async_hooks';

/** Run a read with a record in it; `by` of the record is then a tier, `stale`, or `miss`. */
export function listenTo(cache) {
  const asking = new AsyncLocalStorage();
  for (const event of ['hit', 'stale', 'miss'])
    cache.on(event, ({ tier }) => {
      const read = asking.getStore();
      if (read) read.by = tier ?? event;
    });
  return asking;
}
