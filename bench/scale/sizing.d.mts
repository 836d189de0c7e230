export const ASSUMED: Readonly<Record<string, number>>;
export function sized(
  cost: Readonly<Record<string, number>>,
  assumed?: Readonly<Record<string, number>>,
): Readonly<Record<string, number>>;
export function exampleTable(
  units: readonly { readonly id: string; readonly values: readonly number[] }[],
): string;
