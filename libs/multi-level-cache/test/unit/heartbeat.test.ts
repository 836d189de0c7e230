/** When a process breaks the silence of the stream, and when it takes itself for deaf. */
import { beforeEach, describe, expect, it } from 'vitest';
import { Heartbeat } from '../../src/tiers/redis/heartbeat.js';
import { SharedKeys } from '../../src/tiers/redis/session.js';
import { FakeClock } from '../../src/testing/fake-clock.js';

const LONGEST = 1;
const SILENCE_MS = 1_500;

let clock: FakeClock;
let session: { epoch: string; lastNumber: number; heardAt: number };
let beats: number[];
let known: number;
let deaf: number;
let isCurrent: boolean;
beforeEach(() => {
  clock = new FakeClock();
  session = { epoch: '1', lastNumber: 0, heardAt: clock.now() };
  [beats, known, deaf, isCurrent] = [[], 0, 0, true];
});

/** A message is heard: of this process or another. */
function hear(): void {
  session.lastNumber++;
  session.heardAt = clock.now();
}

function started(hearsItself: boolean): void {
  const commands = {
    run: () => {
      beats.push(clock.now());
      if (hearsItself) hear();
      return Promise.resolve(session.lastNumber);
    },
  };
  const link = {
    clock,
    keys: new SharedKeys('test'),
    commands,
    seal: undefined,
    get number() {
      return known;
    },
    isCurrent: () => isCurrent,
    resync: () => Promise.reject(new Error('nobody asked for it')),
  };
  const heartbeat = new Heartbeat(
    link as never,
    () => LONGEST,
    () => deaf++,
  );
  heartbeat.start(session as never);
}

describe.each([true, false])('a heartbeat, of a process that hears itself: %s', (hearsItself) => {
  it('comes as soon as nobody has spoken for that long, again and again', () => {
    const from = clock.now();
    started(hearsItself);
    clock.advance(4 * SILENCE_MS);
    expect(beats.map((at) => at - from)).toEqual([1, 2, 3, 4].map((times) => times * SILENCE_MS));
  });

  it('is put off by whoever speaks, by no more than as long', () => {
    started(hearsItself);
    for (let times = 0; times < 5; times++) {
      clock.advance(SILENCE_MS - 1);
      hear();
    }
    expect(beats).toEqual([]);
    const last = clock.now();
    clock.advance(SILENCE_MS);
    expect(beats).toEqual([last + SILENCE_MS]);
  });

  it('ends with the session', () => {
    started(hearsItself);
    isCurrent = false;
    clock.advance(4 * SILENCE_MS);
    expect(beats).toEqual([]);
  });
});

describe('a process that knows of a number', () => {
  it('and has not heard it long after is deaf', () => {
    started(false);
    known = 1;
    clock.advance(SILENCE_MS);
    expect(deaf).toBe(0);
    clock.advance(SILENCE_MS);
    expect(deaf).toBe(1);
  });

  it('and has heard it meanwhile is not', () => {
    started(true);
    for (let times = 0; times < 10; times++) {
      known++;
      clock.advance(SILENCE_MS - 1);
      hear();
    }
    expect(deaf).toBe(0);
  });
});
