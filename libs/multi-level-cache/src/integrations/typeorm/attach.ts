/** Puts one DataSource and one cache together, and apart again. */
import type { DataSource, EntitySubscriberInterface } from 'typeorm';
import type { Cache } from '../../manager/cache.js';
import { bindCache } from './binding.js';
import { CommitBuffer } from './commit-buffer.js';
import { WriteSubscriber } from './write-subscriber.js';

/** From now on queries are cached and writes invalidate; the returned function ends both. */
export function attach(dataSource: DataSource, cache: Cache): () => void {
  const invalidate = (tags: string[]): Promise<unknown> => cache.invalidateTags(tags);
  const buffer = new CommitBuffer(invalidate);
  const unbind = bindCache(dataSource, cache);
  const unsubscribe = subscribe(dataSource, [buffer, new WriteSubscriber(invalidate, buffer)]);
  return () => {
    unsubscribe();
    unbind();
  };
}

/** `initialize()` makes a list of subscribers anew; it may come later, and more than once. */
function subscribe(dataSource: DataSource, ours: readonly EntitySubscriberInterface[]): () => void {
  const add = (): void => {
    for (const one of ours)
      if (!dataSource.subscribers.includes(one)) dataSource.subscribers.push(one);
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
    for (const one of ours) {
      const at = dataSource.subscribers.indexOf(one);
      if (at >= 0) dataSource.subscribers.splice(at, 1);
    }
    if (dataSource.initialize !== initialize) return;
    if (own) Object.defineProperty(dataSource, 'initialize', own);
    else delete (dataSource as Partial<DataSource>).initialize;
  };
}
