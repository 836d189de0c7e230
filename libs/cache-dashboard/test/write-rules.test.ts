/** What a request that changes something must look like: each rule, broken alone, refuses. */
import request from 'supertest';
import { afterEach, describe, expect, it } from 'vitest';
import { ADAPTERS, OPEN, startApplication, type TestApplication } from './application.js';

const GOOD = {
  'content-type': 'application/json',
  'x-cache-dashboard': '1',
  'sec-fetch-site': 'same-origin',
} as const;
const without = (...names: string[]): Record<string, string> =>
  Object.fromEntries(Object.entries(GOOD).filter(([name]) => !names.includes(name)));

describe.each(ADAPTERS)('%s', (adapter) => {
  let running: TestApplication;
  const ask = async (headers: Record<string, string>, actions = true) => {
    running = await startApplication(adapter, { dashboard: { guard: OPEN, actions } });
    await running.cache.set('k', 1);
    const server: Parameters<typeof request>[0] = running.app.getHttpServer();
    const body = headers['content-type']?.includes('json') ? '{"key":"k"}' : 'key=k';
    const answer = await request(server)
      .post('/ops/cache/api/actions/delete')
      .set(headers)
      .send(body);
    return { status: answer.status, gone: (await running.cache.get('k')) === undefined };
  };
  afterEach(() => running.close());

  it('takes what the page sends', async () => {
    expect(await ask(GOOD)).toEqual({ status: 200, gone: true });
  });

  it.each<[string, Record<string, string>, number]>([
    ['a form', { ...GOOD, 'content-type': 'application/x-www-form-urlencoded' }, 415],
    ['no header of its own', without('x-cache-dashboard'), 403],
    ['another value of it', { ...GOOD, 'x-cache-dashboard': 'yes' }, 403],
    ['another site', { ...GOOD, 'sec-fetch-site': 'cross-site' }, 403],
    ['another host of this site', { ...GOOD, 'sec-fetch-site': 'same-site' }, 403],
    ['an address that was typed', { ...GOOD, 'sec-fetch-site': 'none' }, 403],
    ['no word of its site', without('sec-fetch-site'), 403],
    [
      'another origin',
      { ...without('sec-fetch-site'), origin: 'http://evil.example', host: 'shop' },
      403,
    ],
    ['an origin that is none', { ...without('sec-fetch-site'), origin: 'null', host: 'shop' }, 403],
    [
      'another site with an origin that is right',
      { ...GOOD, 'sec-fetch-site': 'cross-site', origin: 'http://shop', host: 'shop' },
      403,
    ],
  ])('refuses %s', async (_what, headers, status) => {
    expect(await ask(headers)).toEqual({ status, gone: false });
  });

  it("takes the page's own origin where the browser does not name the site", async () => {
    const headers = { ...without('sec-fetch-site'), origin: 'http://shop:81', host: 'shop:81' };
    expect(await ask(headers)).toEqual({ status: 200, gone: true });
  });

  it('refuses everything while actions are off', async () => {
    expect(await ask(GOOD, false)).toEqual({ status: 403, gone: false });
  });
});
