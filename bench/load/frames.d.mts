export const WRITE: number;
export const FAILED: number;
export function requestFrame(list: Uint32Array, length: number): Buffer;
export function answerFrame(list: Uint32Array, length: number, at: number): Buffer;
export class Frames {
  constructor(onFrame: (words: Uint32Array, at: number) => void);
  push(chunk: Buffer): void;
}
export function clock(): number;
