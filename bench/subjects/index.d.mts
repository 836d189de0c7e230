import type { OpenedCache } from '../lib/prepare.mjs';

export interface Subject {
  readonly name: string;
  readonly kind: 'ours' | 'raw' | 'peer';
  readonly file: string;
  readonly tiers: readonly string[];
  readonly bare?: boolean;
  open(options: {
    tiers: string;
    redisUrl?: string;
    postgresUrl?: string;
    maxEntries: number;
    load: (key: string) => unknown;
    metrics?: boolean;
  }): Promise<OpenedCache> | OpenedCache;
}

export const SUBJECTS: readonly Subject[];
export function versions(): [name: string, version: string][];
