/** Who tells a message and its trace in one word: there and back, and nothing hostile becomes a trace. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { readOrigin, spellOrigin } from '../../src/core/origin.js';

const TRACE = '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01';

describe('an origin', () => {
  it('is read as it was spelled', () => {
    expect(readOrigin(spellOrigin({ sender: 'abc' }))).toEqual({ sender: 'abc' });
    const traced = { sender: 'abc', trace: TRACE };
    expect(readOrigin(spellOrigin(traced))).toEqual(traced);
  });

  it('is one word', () => {
    expect(spellOrigin({ sender: 'abc', trace: TRACE })).not.toMatch(/\s/);
  });

  it.each([
    'abc/',
    'abc/x',
    `abc/${TRACE.toUpperCase()}`,
    `abc/${TRACE}-more`,
    `abc/${TRACE}/${TRACE}`,
    'abc/00-0-0-01',
  ])('%s has no trace', (word) => {
    expect(readOrigin(word)).toEqual({ sender: 'abc' });
  });

  it('is read from anything', () => {
    fc.assert(
      fc.property(fc.string(), (word) => {
        const { trace } = readOrigin(word);
        expect(trace === undefined || trace.length === 55).toBe(true);
      }),
    );
  });
});
