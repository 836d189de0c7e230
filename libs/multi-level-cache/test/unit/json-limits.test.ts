/** What is refused before it is parsed, and what is not mistaken for it. */
import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { isParsable } from '../../src/core/json-limits.js';

const LARGE = 'x'.repeat(256 * 1024);
const isTaken = (text: string): boolean => isParsable(Buffer.from(text));

describe('limits of a text', () => {
  it.each([
    ['nested too deeply', `["${LARGE}",${'['.repeat(801)}${']'.repeat(801)}]`],
    ['too many values in a list', `[${'7,'.repeat(524_290)}7]`],
    ['too many empty ones', `[${'{},'.repeat(300_000)}7]`],
    ['too many members', `{${'"":7,'.repeat(300_000)}"":7}`],
    ['deep behind a text that is escaped', `["${LARGE}\\\\",${'['.repeat(801)}`],
  ])('%s', (_what, text) => expect(isTaken(text)).toBe(false));

  it.each([
    ['marks within texts', JSON.stringify([LARGE, '['.repeat(5_000), ','.repeat(600_000)])],
    [
      'behind an escaped quote',
      JSON.stringify([LARGE, `"${'['.repeat(5_000)}`, `\\${'{'.repeat(5_000)}`]),
    ],
    ['a text that does not end', `["${LARGE}`],
    ['as deep as values may be', `["${LARGE}",${'['.repeat(790)}${']'.repeat(790)}]`],
    ['short', '['.repeat(5_000)],
  ])('takes %s', (_what, text) => expect(isTaken(text)).toBe(true));

  it('takes whatever is honest', () => {
    fc.assert(
      fc.property(fc.array(fc.jsonValue()), fc.nat(9), (value, start) =>
        isParsable(Buffer.from(' '.repeat(start) + JSON.stringify([LARGE, ...value])), start),
      ),
    );
  });
});
