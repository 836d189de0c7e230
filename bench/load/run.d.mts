interface Common {
  keys: Uint32Array;
  writes?: number;
}
interface Run {
  readonly allSent: boolean;
  readonly done: boolean;
  take(now: number, list: Uint32Array): number;
  answer(words: Uint32Array, at: number): void;
}
export class OpenRun implements Run {
  constructor(how: Common & { due: Float64Array; from: number; until: number; bound: number });
  readonly allSent: boolean;
  readonly done: boolean;
  take(now: number, list: Uint32Array): number;
  answer(words: Uint32Array, at: number): void;
  result(): Readonly<
    Record<
      | 'offered'
      | 'achieved'
      | 'failed'
      | 'shed'
      | 'lost'
      | 'p50'
      | 'p99'
      | 'p999'
      | 'max'
      | 'writesP50'
      | 'writesP99'
      | 'lateP99',
      number
    >
  >;
}
export class ClosedRun implements Run {
  constructor(how: Common & { count: number; width: number });
  readonly allSent: boolean;
  readonly done: boolean;
  take(now: number, list: Uint32Array): number;
  answer(words: Uint32Array, at: number): void;
  result(): { achieved: number; failed: number };
}
interface Ended {
  readonly p99: number;
  readonly max: number;
  readonly failed: number;
  readonly shed: number;
  readonly lost: number;
}
export function middle<R extends Ended>(
  runs: readonly R[],
): R & { readonly p99Least: number; readonly p99Most: number };
