/** What a seal promises of a text: nobody reads it, makes it up, changes it, or puts it anywhere else. */
import { createSecretKey, randomBytes } from 'node:crypto';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { GcmMessageSeal, messageSealOf } from '../../src/security/message-seal.js';
import { FakeClock } from '../../src/testing/fake-clock.js';

const secret = createSecretKey(randomBytes(32));
const seal = new GcmMessageSeal('shop', secret);
const TEXT = 'a message about patient:4711 and ünïcode';
const BOUND = ['one', 'two'];
const sealed = seal.seal('stream', TEXT, BOUND);

describe('a sealed text', () => {
  it('is opened by another instance with the secret, in its place', () => {
    expect(new GcmMessageSeal('shop', secret).open('stream', sealed, BOUND)).toBe(TEXT);
  });

  it('says nothing of what is in it, and is another one each time', () => {
    expect(sealed).toMatch(/^[\w-]+$/);
    expect(Buffer.from(sealed, 'base64url').includes('4711')).toBe(false);
    expect(seal.seal('stream', TEXT, BOUND)).not.toBe(sealed);
  });

  it('with any bit of it changed is none', () => {
    const bytes = Buffer.from(sealed, 'base64url');
    for (let bit = 0; bit < bytes.length * 8; bit++) {
      const changed = Buffer.from(bytes);
      changed[bit >> 3] ^= 1 << (bit & 7);
      expect(seal.open('stream', changed.toString('base64url'), BOUND)).toBeUndefined();
    }
  });

  it('with any sign of its spelling changed, added or cut off is none', () => {
    for (let at = 0; at < sealed.length; at++)
      for (const bit of [1, 2, 4, 8, 16, 32, 64]) {
        const sign = String.fromCharCode(sealed.charCodeAt(at) ^ bit);
        const changed = sealed.slice(0, at) + sign + sealed.slice(at + 1);
        expect(seal.open('stream', changed, BOUND)).toBeUndefined();
      }
    for (let end = 0; end < sealed.length; end++)
      expect(seal.open('stream', sealed.slice(0, end), BOUND)).toBeUndefined();
    for (const more of ['A', '=', ' ', '\n'])
      expect(seal.open('stream', sealed + more, BOUND)).toBeUndefined();
  });

  it.each([
    [
      'another secret',
      new GcmMessageSeal('shop', createSecretKey(randomBytes(32))),
      'stream',
      BOUND,
    ],
    ['another application', new GcmMessageSeal('shop2', secret), 'stream', BOUND],
    ['another place', seal, 'notice', BOUND],
    ['the book of debts', seal, 'debt', BOUND],
    ['something else beside it', seal, 'stream', ['one', 'three']],
    ['the same, cut in other parts', seal, 'stream', ['onetwo']],
    ['less beside it', seal, 'stream', ['one']],
  ] as const)('is none for %s', (_what, other, place, bound) => {
    expect(other.open(place, sealed, bound)).toBeUndefined();
  });

  it('is nothing that comes along', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), (text) => {
        expect(seal.open('stream', text, BOUND)).toBeUndefined();
      }),
    );
  });

  it('has as many bytes as were reckoned with', () => {
    for (const bytes of [100, 101, 102, 103, 7_898]) {
      const room = seal.roomIn(bytes);
      expect(seal.seal('notice', 'x'.repeat(room), []).length).toBeLessThanOrEqual(bytes);
      expect(seal.seal('notice', 'x'.repeat(room + 2), []).length).toBeGreaterThan(bytes);
    }
  });
});

describe('the secret', () => {
  const key = randomBytes(32);
  const clock = new FakeClock();

  it('is that of the option, else that of hidden names', async () => {
    const own = await messageSealOf('shop', { key: () => Promise.resolve(key) }, secret, clock);
    expect(own!.open('stream', sealed, BOUND)).toBeUndefined();
    const text = own!.seal('stream', TEXT, BOUND);
    const same = new GcmMessageSeal('shop', createSecretKey(key));
    expect(same.open('stream', text, BOUND)).toBe(TEXT);
    const derived = await messageSealOf('shop', undefined, secret, clock);
    expect(derived!.open('stream', sealed, BOUND)).toBe(TEXT);
    expect(await messageSealOf('shop', undefined, undefined, clock)).toBeUndefined();
  });

  it.each<[string, () => unknown]>([
    ['is too short', () => randomBytes(31)],
    ['is none', () => undefined],
    [
      'fails',
      () => {
        throw new Error('hunter2');
      },
    ],
  ])('that %s is a fault of the configuration, and not shown', async (_what, given) => {
    const made = messageSealOf('shop', { key: given as () => string }, undefined, clock);
    await expect(made).rejects.toMatchObject({ code: 'CACHE_CONFIG_INVALID' });
    await expect(made).rejects.toThrow(/security\.backplane\.key/);
    await expect(made).rejects.not.toThrow(/hunter2/);
  });

  it('that never comes is a fault of the configuration after ten seconds', async () => {
    const made = messageSealOf('shop', { key: () => new Promise(() => {}) }, undefined, clock);
    let over = false;
    made.catch(() => (over = true));
    clock.advance(9_999);
    await new Promise(setImmediate);
    expect(over).toBe(false);
    clock.advance(1);
    await expect(made).rejects.toMatchObject({ code: 'CACHE_CONFIG_INVALID' });
  });
});
