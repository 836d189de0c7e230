export class Histogram {
  readonly count: number;
  readonly failed: number;
  readonly maxMs: number;
  record(us: number): void;
  fail(count?: number): void;
  percentile(share: number): number;
}
