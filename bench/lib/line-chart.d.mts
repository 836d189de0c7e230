export interface Chart {
  title: string;
  x: { label: string; values: readonly number[]; names?: readonly string[]; log?: boolean };
  lines: readonly { name: string; values: readonly number[] }[];
  linear?: boolean;
}
export function lineChart(chart: Chart): string;
export function writeChart(path: string, chart: Chart): Promise<void>;
