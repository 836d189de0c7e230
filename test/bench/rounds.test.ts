/** Which turn counts where the processor was lent to somebody else meanwhile. */
import { describe, expect, it } from 'vitest';
import { atPace, type Turn } from '../../bench/lib/rounds.mjs';

/** Turns at these paces, one after the other; `ms` says which one it was. */
function turns(...paces: number[]): { readonly take: () => Promise<Turn>; taken: number } {
  const made = {
    taken: 0,
    take: async () => ({ ms: ++made.taken, pace: paces[made.taken - 1] }),
  };
  return made;
}

describe('a turn of the benchmark', () => {
  it('counts where the processor kept its pace', async () => {
    const made = turns(0.9, 1);
    expect(await atPace(made.take)).toEqual({ ms: 1, pace: 0.9 });
    expect(made.taken).toBe(1);
  });

  it('is taken again where it did not, until it does', async () => {
    const made = turns(0.5, 0.6, 0.8, 1);
    expect(await atPace(made.take)).toEqual({ ms: 3, pace: 0.8 });
    expect(made.taken).toBe(3);
  });

  it('is the one at the best pace of four where all were slow', async () => {
    const made = turns(0.4, 0.5, 0.7, 0.6, 1);
    expect(await atPace(made.take)).toEqual({ ms: 3, pace: 0.7 });
    expect(made.taken).toBe(4);
  });

  it('counts as it is in a quick run', async () => {
    const made = turns(0.1, 1);
    expect(await atPace(made.take, true)).toEqual({ ms: 1, pace: 0.1 });
  });
});
