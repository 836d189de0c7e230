export function inRepository(path: string): string;
export function replaceBetween(text: string, name: string, markdown: string): string;
export function writeFigures(
  path: string,
  figures: Readonly<Record<string, string>>,
): Promise<void>;
export function table(
  head: readonly (string | number)[],
  rows: readonly (readonly (string | number)[])[],
): string;
