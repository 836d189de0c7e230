/** What happens in a shop: popular keys often, a few writes, and now and then another cache. */
import type { CacheManager } from 'nestjs-multi-level-cache';

/** Asks for keys until it is stopped. */
export function traffic(cache: CacheManager): () => void {
  const pages = cache.namespace('pages');
  const prices = cache.namespace('prices');
  let turn = 0;
  const timer = setInterval(() => {
    for (let i = 0; i < 24; i++) void ask().catch(() => undefined);
  }, 50);
  const load = (ms: number) => async (): Promise<object> => {
    await new Promise((resolve) => setTimeout(resolve, ms));
    return { name: 'cup', price: 12, text: 'x'.repeat(200) };
  };
  const ask = async (): Promise<unknown> => {
    turn++;
    const rank = Math.floor(400 ** Math.random());
    if (turn % 300 === 0) return cache.invalidateTags([`brand:${rank % 9}`]);
    if (turn % 7 === 0) return pages.getOrSet(`page:${rank % 60}`, load(3), { tags: ['pages'] });
    if (turn % 11 === 0)
      return prices.getOrSet(`price:eu:${rank}`, load(1), { ttl: '2s', grace: '10s' });
    const key = `product:${['shoe', 'hat', 'cup'][rank % 3]}:${rank}`;
    return cache.getOrSet(key, load(4), { tags: [`brand:${rank % 9}`], ttl: '20s' });
  };
  return () => clearInterval(timer);
}
