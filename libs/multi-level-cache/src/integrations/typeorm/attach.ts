/** Puts one DataSource and one cache together, and apart again. */
import type { DataSource, EntitySubscriberInterface } from 'typeorm';
import type { Cache } from '../../manager/cache.js';
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

/** `initialize()` makes a list of subscribers anew; it may come later, and more than once. */
function subscribe(dataSource: DataSource, ours: EntitySubscriberInterface): () => void {
  const add = (): void => {
    if (!dataSource.subscribers.includes(ours)) dataSource.subscribers.push(ours);
  };
  const own = Object.getOwnPropertyDescriptor(dataSource, 'initialize');
  const real = dataSource.initialize.bind(dataSource);
  const initialize = async (): Promise<DataSource> => {
    const ready = await real();
    add();
    return ready;
  };
  dataSource.initialize = initialize;
  add();
  return () => {
    const at = dataSource.subscribers.indexOf(ours);
    if (at >= 0) dataSource.subscribers.splice(at, 1);
    if (dataSource.initialize !== initialize) return;
    if (own) Object.defineProperty(dataSource, 'initialize', own);
    else delete (dataSource as Partial<DataSource>).initialize;
  };
}
