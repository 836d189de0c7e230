export interface Row {
  readonly name: string;
  readonly kind: string;
  readonly values?: readonly number[];
}

export function median(list: readonly number[]): number;
export function ratios(values: readonly number[], base: readonly number[]): number[];
export function bestOf(
  table: {
    readonly title: string;
    readonly better: 'more' | 'less';
    readonly rows: readonly Row[];
  },
  passes: (row: Row) => boolean,
): Row;
