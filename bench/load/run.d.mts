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
