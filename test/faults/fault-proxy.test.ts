/** The proxy of bad ways, over an echo: what each fault does to what is sent, and that it ends. */
import { connect, createServer, type AddressInfo, type Server, type Socket } from 'node:net';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { FaultProxy } from '../support/fault-proxy.js';
import { seeded } from '../support/random.mjs';

let echo: Server;
let proxy: FaultProxy;
const clients: Socket[] = [];

beforeEach(async () => {
  echo = createServer((socket) => socket.on('error', () => undefined).pipe(socket));
  await new Promise<void>((resolve) => echo.listen(0, '127.0.0.1', resolve));
  proxy = await FaultProxy.start(`redis://127.0.0.1:${(echo.address() as AddressInfo).port}`);
});
afterEach(async () => {
  for (const client of clients.splice(0)) client.destroy();
  await proxy.stop();
  await new Promise((resolve) => echo.close(resolve));
});

/** A client, and what it has got so far. */
class Caller {
  text = '';
  frames = 0;
  /** `undefined` = still open. */
  ended: string | undefined;

  constructor(readonly socket: Socket) {
    clients.push(socket);
    socket.setNoDelay(true);
    socket.on('data', (bytes: Buffer) => {
      this.text += bytes.toString();
      this.frames++;
    });
    socket.on('error', (error: NodeJS.ErrnoException) => (this.ended = error.code));
    socket.on('close', () => (this.ended ??= 'closed'));
  }

  /** How long it takes until all of it is back, ms. */
  async ask(text: string): Promise<number> {
    const before = performance.now();
    const wanted = this.text + text;
    this.socket.write(text);
    await expect.poll(() => this.text, { interval: 1, timeout: 5_000 }).toBe(wanted);
    return performance.now() - before;
  }
}

async function call(first = 'hello'): Promise<Caller> {
  const caller = new Caller(connect(Number(new URL(proxy.url).port), '127.0.0.1'));
  await caller.ask(first);
  return caller;
}

it('latency and jitter: later by that much, and in order', async () => {
  const caller = await call();
  const end = proxy.worsen({ requests: { latency: 30 }, replies: { latency: 20, jitter: 10 } });
  const took = await caller.ask('a');
  expect(took).toBeGreaterThanOrEqual(49);
  for (const letter of 'bcdefgh') caller.socket.write(letter);
  await expect.poll(() => caller.text).toBe('helloabcdefgh');
  end();
  expect(await caller.ask('x')).toBeLessThan(took);
});

it('bandwidth: what is large takes its time', async () => {
  const caller = await call();
  proxy.worsen({ replies: { bytesPerSecond: 10_000 } });
  expect(await caller.ask('x'.repeat(3_000))).toBeGreaterThanOrEqual(290);
});

it('slices: every byte comes by itself, and all of them come', async () => {
  const caller = await call();
  proxy.worsen({ replies: { slice: 1 } });
  caller.frames = 0;
  await caller.ask('0123456789'.repeat(10));
  expect(caller.frames).toBeGreaterThan(20);
});

it('one-way drop: a request is lost, or a reply; whose bytes are lost is reset in the end, others go on', async () => {
  const [lossy, other] = [await call('lossy'), await call('other')];
  const end = proxy.worsen({ requests: { drop: true } }, { text: 'lossy' });
  lossy.socket.write('gone');
  await other.ask('heard');
  expect(lossy).toMatchObject({ text: 'lossy', ended: undefined });
  end();
  await expect.poll(() => lossy.ended).toBe('ECONNRESET');
  await other.ask('heard');
  await (await call('lossy')).ask('again');
});

it('half-open: nothing comes through and nobody hears of the end; new connections are well', async () => {
  const dead = await call('dead');
  proxy.halfOpen();
  dead.socket.write('gone');
  await (await call('alive')).ask('heard');
  expect(dead).toMatchObject({ text: 'dead', ended: undefined });
  const held = (): Promise<number> =>
    new Promise((resolve) => echo.getConnections((_error, count) => resolve(count)));
  dead.socket.destroy();
  await (await call('later')).ask('heard');
  expect(await held()).toBe(3);
});

it('accept, then silence: it opens, and says nothing', async () => {
  const before = await call('before');
  const end = proxy.silence();
  const silent = new Caller(connect(Number(new URL(proxy.url).port), '127.0.0.1'));
  silent.socket.write('gone');
  await before.ask('heard');
  expect(silent).toMatchObject({ text: '', ended: undefined });
  end();
  await expect.poll(() => silent.ended).toBe('ECONNRESET');
});

it('reset: at once, or in the middle of a reply', async () => {
  const [first, second] = [await call('first'), await call('second')];
  proxy.reset('first');
  await expect.poll(() => first.ended).toBe('ECONNRESET');
  const happened = proxy.resetMidReply('second');
  second.socket.write('0123456789');
  await happened;
  // Whether the reset or the half reply is noticed first is not ours to say.
  await expect.poll(() => second.ended).toBeDefined();
  expect(second.text).toBe('second01234');
});

it('jitter is the same for the same seed', () => {
  const [one, same, other] = [seeded(7), seeded(7), seeded(8)];
  const some = (random: () => number): number[] => Array.from({ length: 5 }, random);
  const numbers = some(one);
  expect(some(same)).toEqual(numbers);
  expect(some(other)).not.toEqual(numbers);
  expect(numbers.every((number) => number >= 0 && number < 1)).toBe(true);
});
