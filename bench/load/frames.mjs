// What generator and application say to each other: many requests, or many answers, in one frame of a byte stream.

const HEAD = 16;
/** Beside the number of a key: it is written, not read. */
export const WRITE = 0x80000000;
/** Beside the number of an answer: there was no value, a wrong one, or an error. */
export const FAILED = 0x80000000;

/** Requests as pairs: number of the request, and number of its key. */
export const requestFrame = (list, length) => frame(list, length, 0);
/** Answers as numbers of requests, with the moment they were there, in ms of the machine's monotonic clock. */
export const answerFrame = frame;

function frame(list, length, at) {
  const bytes = Buffer.allocUnsafe(HEAD + 4 * length);
  bytes.writeUInt32LE(length, 0);
  bytes.writeUInt32LE(0, 4);
  bytes.writeDoubleLE(at, 8);
  for (let index = 0; index < length; index++) bytes.writeUInt32LE(list[index], HEAD + 4 * index);
  return bytes;
}

/** Puts frames together from whatever parts they come in. */
export class Frames {
  #rest = Buffer.alloc(0);

  /** @param onFrame - `(words, at)`; the words are good until it returns. */
  constructor(onFrame) {
    this.onFrame = onFrame;
  }

  push(chunk) {
    let bytes = this.#rest.length === 0 ? chunk : Buffer.concat([this.#rest, chunk]);
    while (bytes.length >= HEAD) {
      const length = bytes.readUInt32LE(0);
      const end = HEAD + 4 * length;
      if (bytes.length < end) break;
      const words = new Uint32Array(length);
      for (let index = 0; index < length; index++)
        words[index] = bytes.readUInt32LE(HEAD + 4 * index);
      this.onFrame(words, bytes.readDoubleLE(8));
      bytes = bytes.subarray(end);
    }
    this.#rest = bytes;
  }
}

/** Ms on a clock that is the same for all processes of this machine. */
export const clock = () => Number(process.hrtime.bigint()) / 1e6;
