/** What is believed of the stream: what was sealed for this place, lately, and has not been heard. */
import { createSecretKey, randomBytes } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { Sequences } from '../../src/coherence/sequences.js';
import { GcmMessageSeal } from '../../src/security/message-seal.js';
import { decodeMessage, type Message } from '../../src/tiers/redis/backplane.js';
import { RECENT, StreamSeal } from '../../src/tiers/redis/stream-seal.js';

const secret = createSecretKey(randomBytes(32));
const sealOf = (namespace = 'shop', key = secret): StreamSeal =>
  new StreamSeal(new GcmMessageSeal(namespace, key));
const DELETED = { type: 'd', payload: JSON.stringify([['p', 'default', 'k']]) };
const CHANGE = { kind: 'delete', keys: [['p', 'default', 'k']] };
const BESIDE = { epoch: '7', sender: 'me', debt: '', known: 99 };

/** As the script stores it. */
function stored(
  told: { readonly type: string; readonly payload: string },
  beside: Partial<typeof BESIDE> & { readonly number?: number } = {},
): Message {
  const { epoch, sender, debt, number = 100 } = { ...BESIDE, ...beside };
  const fields = ['n', String(number), 'e', epoch, 's', sender, 't', told.type, 'k', told.payload];
  return decodeMessage(debt ? [...fields, 'd', debt] : fields)!;
}

const judge = (told: Message | undefined, heard = new Sequences(), since = 99): unknown =>
  sealOf().judge(told, heard, since);

describe('a message', () => {
  it('is told whole, once', () => {
    const heard = new Sequences();
    const told = stored(sealOf().wrap(DELETED, BESIDE));
    expect(told.sealed).not.toContain('default');
    expect(judge(told, heard)).toMatchObject({
      number: 100,
      epoch: '7',
      sender: 'me',
      change: CHANGE,
    });
    expect(judge(told, heard)).toBe('refused');
    expect(judge({ ...told, number: 101 }, heard)).toBe('refused');
  });

  it('for everybody, as a debt, or a heartbeat is one as well', () => {
    const all = { ...BESIDE, sender: '' };
    expect(judge(stored(sealOf().wrap(DELETED, all), all))).toMatchObject({
      sender: '',
      change: CHANGE,
    });
    const owed = { ...BESIDE, debt: 'x.0' };
    expect(judge(stored(sealOf().wrap(DELETED, owed), owed))).toMatchObject({ debt: 'x.0' });
    const beat = sealOf().wrap({ type: 'h', payload: '' }, all);
    expect(judge(stored(beat, all))).toMatchObject({ number: 100, change: undefined });
  });

  it('counted by its sender: none of them has another one’s sequence', () => {
    const [teller, heard] = [sealOf(), new Sequences()];
    const told = [1, 2, 3].map(() => stored(teller.wrap(DELETED, BESIDE)));
    const [first, second, third] = told;
    for (const message of [first, third, second])
      expect(judge(message, heard)).toMatchObject({ change: CHANGE });
    for (const message of told) expect(judge(message, heard)).toBe('refused');
  });

  const wrapped = sealOf().wrap(DELETED, BESIDE);
  it.each<[string, Message | undefined]>([
    ['in clear', stored(DELETED)],
    ['a heartbeat in clear', stored({ type: 'h', payload: '' })],
    ['rubbish', undefined],
    ['empty', stored({ type: 'z', payload: '' })],
    ['of another epoch', stored(wrapped, { epoch: '8' })],
    ['of another sender', stored(wrapped, { sender: 'you' })],
    ['of everybody', stored(wrapped, { sender: '' })],
    ['as a debt', stored(wrapped, { debt: 'x.0' })],
    ['of another application', stored(sealOf('shop2').wrap(DELETED, BESIDE))],
    [
      'with another secret',
      stored(sealOf('shop', createSecretKey(randomBytes(32))).wrap(DELETED, BESIDE)),
    ],
  ])('%s is refused', (_what, told) => expect(judge(told)).toBe('refused'));

  it('of somebody not heard of who knew of old numbers only is refused, whatever its own number says', () => {
    const told = stored(wrapped, { number: 100 });
    expect(judge(told, new Sequences(), 99 + RECENT + 1)).toBe('refused');
    expect(judge(told, new Sequences(), 99 + RECENT)).toMatchObject({ change: CHANGE });
    const [teller, heard] = [sealOf(), new Sequences()];
    judge(stored(teller.wrap(DELETED, BESIDE)), heard);
    expect(judge(stored(teller.wrap(DELETED, BESIDE)), heard, 1_000_000)).toMatchObject({
      change: CHANGE,
    });
  });

  it('that is true and of a kind that is not known here is not refused, but not understood', () => {
    expect(judge(stored(sealOf().wrap({ type: 'new', payload: '[]' }, BESIDE)))).toBeUndefined();
  });
});

describe('a debt', () => {
  const owed = sealOf().wrap(DELETED, { ...BESIDE, debt: 'x.0' });

  it('is opened under its name, however often', () => {
    for (let times = 0; times < 2; times++)
      expect(sealOf().openDebt('x.0', owed.payload)).toMatchObject(DELETED);
  });

  it('is none under another name, and no message is one', () => {
    expect(sealOf().openDebt('x.1', owed.payload)).toBeUndefined();
    const told = sealOf().wrap(DELETED, BESIDE);
    expect(sealOf().openDebt('x.0', told.payload)).toBeUndefined();
  });
});
