import type { createViteServer } from 'vitest/node';

/** Changes sources before they are compiled. */
export interface SourceChange {
  readonly name: string;
  readonly enforce: 'pre';
  transform(code: string, id: string): string | undefined;
}

export function sources(...changes: SourceChange[]): ReturnType<typeof createViteServer>;
