export interface Done {
  readonly requests: number;
  readonly failed: number;
  readonly wrong: number;
  readonly unhandled: number;
  /** Processes that ended before they were told to, and those that still owe something. */
  readonly gone: number;
  readonly unpaid: number;
  /** Names of those that were made. */
  readonly faults: readonly string[];
  readonly tiers: Readonly<
    Record<
      'l1' | 'l2' | 'l3',
      { readonly reads: number; readonly answered: number; readonly late: number }
    >
  >;
  readonly log: {
    readonly errors: readonly { readonly text: string }[];
    readonly unhandled: readonly { readonly text: string }[];
  };
  readonly verdict: { readonly reads: number; readonly violations: readonly unknown[] };
}

export function run(
  stretch: 'calm' | 'faults',
  options: {
    readonly seconds: number;
    readonly processes: number;
    /** Of all processes together. */
    readonly perSecond: number;
    readonly seed: number;
    /** Ms another process may lag while all is well. */
    readonly healthy: number;
  },
): Promise<Done>;
