import type { Verdict } from './checker.mjs';

export interface Done {
  readonly verdict: Verdict;
  readonly unpaid: number;
  readonly log: {
    readonly writes: readonly unknown[];
    readonly loads: readonly unknown[];
    readonly errors: readonly { readonly text: string }[];
  };
}

export function run(
  fault: string,
  options: {
    readonly seconds: number;
    readonly processes: number;
    readonly database: boolean;
    /** Ms another process may lag while all is well. */
    readonly healthy: number;
    readonly mode: 'eventual' | 'strong';
  },
): Promise<Done>;
