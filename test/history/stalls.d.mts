export interface Stall {
  readonly start: number;
  readonly end: number;
}

export function watchStalls(found: (stall: Stall) => void): () => void;

export function together(stalls: readonly Stall[]): Stall[];
