import type { CpuInfo } from 'node:os';

export function isIdle(options: {
  lookMs?: number;
  waitMs?: number;
  look?: (ms: number) => Promise<number>;
}): Promise<{ idle: boolean; share: number }>;
export function shareBetween(
  before: readonly Pick<CpuInfo, 'times'>[],
  after: readonly Pick<CpuInfo, 'times'>[],
): number;
