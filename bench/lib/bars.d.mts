export interface Bar {
  readonly key: string;
  readonly id: string;
  readonly of: string;
  readonly least?: number;
  readonly most?: number;
  readonly stretch?: number;
  readonly unit?: string;
}

export interface Figure {
  readonly bar: string;
  readonly what: string;
  readonly values: readonly number[];
}

export interface Verdict {
  readonly bar: Bar;
  readonly worst?: Figure & { readonly median: number };
  readonly verdict: 'met' | 'missed' | 'not judged';
  readonly why?: string;
}

export const BARS: readonly Bar[];
export function judge(
  runs: readonly { figures: readonly Figure[]; judged: boolean; why?: string }[],
  wanted?: (bar: Bar) => boolean,
): Verdict[];
export function exitCodeOf(verdicts: readonly Verdict[]): number;
