export function read(argv: readonly string[]): {
  chosen: readonly string[];
  trials: number;
  quick: boolean;
  write: boolean;
  slice: number;
};
