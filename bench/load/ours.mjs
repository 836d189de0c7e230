// This library under load as it comes: with its own budgets, with warming, and with all that its hits are measured with.
import { CacheManager } from 'nestjs-multi-level-cache';
import { openOurs } from '../subjects/ours.mjs';

async function open(options) {
  const { redisUrl, postgresUrl } = options;
  const on = options.tiers.split('+');
  const settings = {
    ...(on.includes('l2') && { l2: { url: redisUrl } }),
    ...(on.includes('l3') && { l3: { url: postgresUrl } }),
    warming: {},
  };
  const { app, ...verbs } = await openOurs({ ...options, settings });
  const cache = app.get(CacheManager);
  /** Reads of a tier that was late and is left alone for a moment: nothing fails, and something else answers. */
  const stats = () => {
    const { l2, l3 } = cache.stats().tiers;
    return { skipped: l2.skipped + l2.errors + l3.skipped + l3.errors };
  };
  return { ...verbs, stats };
}

export const subjects = [{ name: 'ours', open }];
