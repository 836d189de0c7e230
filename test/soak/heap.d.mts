export interface Growth {
  readonly early: number;
  readonly late: number;
  readonly grown: number;
}

export function growth(
  heaps: readonly { readonly process: number; readonly bytes: number }[],
): Growth | undefined;
