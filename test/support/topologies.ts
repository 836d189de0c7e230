/** The three shapes a Redis comes in, started when a test asks for one. */
import { startCluster, startSentinel } from 'throwaway-servers';
import type { L2Options } from '../../libs/multi-level-cache/src/core/options.js';
import { redisUrl } from './servers.js';

export const TOPOLOGIES = ['standalone', 'sentinel', 'cluster'] as const;
export type TopologyName = (typeof TOPOLOGIES)[number];

export interface Topology {
  /** How a tier gets there. */
  readonly l2: Partial<L2Options>;
  stop(): Promise<void>;
}

export async function startTopology(name: TopologyName): Promise<Topology> {
  if (name === 'standalone') return { l2: { url: redisUrl() }, stop: () => Promise.resolve() };
  if (name === 'sentinel') {
    const { sentinels, name: master, stop } = await startSentinel();
    return { l2: { sentinels, name: master }, stop };
  }
  const { nodes, stop } = await startCluster();
  return { l2: { cluster: nodes }, stop };
}
