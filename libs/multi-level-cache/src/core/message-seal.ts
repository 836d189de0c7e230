/** The port that keeps messages between instances, and what they owe, from being read or made up by who can write to the stores. */

/** Where a text is to stand; one that was sealed for another place is not opened. */
export type SealedFor = 'stream' | 'notice' | 'debt';

/** A text stands for itself: whether it was told before is for who hears it to know. */
export interface MessageSeal {
  /**
   * Letters, digits, `-` and `_`.
   *
   * @param bound - what stands beside it and has to be the same when it is opened
   */
  seal(place: SealedFor, text: string, bound: readonly string[]): string;
  /** `undefined` where another secret, another application, place or `bound` sealed it, or nobody did. */
  open(place: SealedFor, sealed: string, bound: readonly string[]): string | undefined;
  /** Most bytes of a text whose sealed form has at most so many. */
  roomIn(bytes: number): number;
}

/** Type of a message or a debt whose payload is sealed. */
export const SEALED = 'z';

/** What has been refused: a message that was told, or a debt that stands in a book. */
export type RefusedMessage = 'message' | 'debt';
