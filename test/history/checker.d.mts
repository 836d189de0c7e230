export interface Read {
  readonly process: number;
  readonly key: string;
  readonly begin: number;
  readonly version: number;
  readonly by?: string;
}

export interface Write {
  readonly verb?: string;
  readonly process: number;
  readonly entries: readonly (readonly [key: string, version: number])[];
  readonly soft?: boolean;
  readonly queued?: boolean;
  readonly l3?: 'ok' | 'queued' | 'off';
  readonly invoked: number;
  readonly resolved: number;
  /** Missing = it is still owed. */
  readonly settled?: number;
}

export interface Window {
  readonly start: number;
  readonly end: number;
  readonly lossy?: boolean;
  readonly dark?: boolean;
}

export interface History {
  readonly reads: readonly Read[];
  readonly writes: readonly Write[];
  readonly windows: readonly Window[];
  readonly stalls?: readonly {
    readonly process: number;
    readonly start: number;
    readonly end: number;
  }[];
}

export interface Rules {
  readonly healthy: number;
  readonly disturbed: number;
  readonly recovery: number;
  readonly strong?: boolean;
}

export interface Verdict {
  readonly reads: number;
  readonly stale: number;
  readonly largest: number;
  readonly queued: number;
  readonly largestQueued: number;
  readonly lost: number;
  readonly violations: readonly {
    readonly read: Read;
    readonly write: Write;
    readonly age: number;
    readonly bound: number;
  }[];
}

export function judge(history: History, rules: Rules): Verdict;
