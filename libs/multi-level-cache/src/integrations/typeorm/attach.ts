/** Puts one DataSource and one cache together, and apart again. */
import type { DataSource } from 'typeorm';
import type { Cache } from '../../manager/cache.js';
import { subscribe } from '../transactions/subscribe.js';
import { bindCache } from './binding.js';
import { WriteSubscriber } from './write-subscriber.js';

/** From now on queries are cached and writes invalidate; the returned function ends both. */
export function attach(dataSource: DataSource, cache: Cache): () => void {
  const unbind = bindCache(dataSource, cache);
  const unsubscribe = subscribe(dataSource, new WriteSubscriber(cache));
  return () => {
    unsubscribe();
    unbind();
  };
}
