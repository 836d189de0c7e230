/** One row of the fault matrix: a fault, what must be seen, and the figures that were. The reporter makes a table of them. */
import { it } from 'vitest';

/** On a busy machine a time may be this many times its bound; the table says whether the bound itself was met. */
const SLACK = 3;

export interface Figure {
  readonly name: string;
  readonly value: number;
  readonly unit: 'ms' | 'count' | 'bytes' | 'share';
  readonly bound?: number;
  /** Whether the bound was met, without slack. */
  readonly met?: boolean;
}

/** What the table shows of a row, beside whether it passed. */
export interface RowReport {
  readonly row: number;
  readonly fault: string;
  readonly expected: string;
  readonly figures: Figure[];
}

declare module 'vitest' {
  interface TaskMeta {
    row?: RowReport;
  }
}

/** Collects what was measured. Counts are exact; times get slack. */
export class Figures {
  constructor(readonly list: Figure[]) {}

  /** A time; the row fails only beyond the slack. */
  ms(name: string, value: number, bound?: number): void {
    this.#add({ name, value: Math.round(value * 10) / 10, unit: 'ms' }, bound);
    assertAtMost(name, value, bound === undefined ? undefined : bound * SLACK);
  }

  /** A number of things; a bound is a bound. */
  count(name: string, value: number, bound?: number): void {
    this.#add({ name, value, unit: 'count' }, bound);
    assertAtMost(name, value, bound);
  }

  bytes(name: string, value: number, bound?: number): void {
    this.#add({ name, value: Math.round(value), unit: 'bytes' }, bound);
    assertAtMost(name, value, bound);
  }

  share(name: string, value: number): void {
    this.#add({ name, value: Math.round(value * 1_000) / 1_000, unit: 'share' }, undefined);
  }

  #add(figure: Figure, bound: number | undefined): void {
    this.list.push(bound === undefined ? figure : { ...figure, bound, met: figure.value <= bound });
  }
}

function assertAtMost(name: string, value: number, most: number | undefined): void {
  if (most !== undefined && value > most)
    throw new Error(`${name}: ${value}, and at most ${most} is allowed`);
}

/** Registers a row as a test. One number may stand over several variants of a fault. */
export function row(
  number: number,
  { fault, expected }: { readonly fault: string; readonly expected: string },
  run: (figures: Figures) => Promise<void>,
  timeout = 60_000,
): void {
  it(
    `row ${number}: ${fault}`,
    async ({ task }) => {
      const figures: Figure[] = [];
      task.meta.row = { row: number, fault, expected, figures };
      await run(new Figures(figures));
    },
    timeout,
  );
}
