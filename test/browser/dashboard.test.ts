/** The dashboard in a real browser: what a person, and what a stranger's script, sees of it. */
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { mkdir } from 'node:fs/promises';
import type { Browser, Page } from 'playwright-core';
import { startPostgres, startRedis, type Server } from 'throwaway-servers';
import { afterAll, afterEach, beforeAll, expect, it, vi } from 'vitest';
import { FAINT, open, show, startBrowser, until } from './browser.js';
import { startShop, type Shop, type ShopOptions } from './dashboard-app.js';
import { traffic } from './dashboard-traffic.js';
import { startRewritingProxy } from './rewriting-proxy.js';

const VIEWS = ['overview', 'journey', 'caches', 'warming', 'feed'] as const;
const EVIL = '<img src=x onerror="window.hit=1">/a?b';

let browser: Browser;
let redis: Server;
let postgres: Server;
let complaints: string[] = [];
const ends: (() => unknown)[] = [];

beforeAll(async () => {
  [browser, redis, postgres] = await Promise.all([startBrowser(), startRedis(), startPostgres()]);
});
afterEach(async () => {
  for (const end of ends.splice(0).toReversed()) await end();
  complaints = [];
});
afterAll(async () => {
  await browser?.close();
  await Promise.all([redis?.stop(), postgres?.stop()]);
});

async function start(options: ShopOptions = {}): Promise<Shop> {
  const shop = await startShop(options);
  ends.push(() => shop.close());
  return shop;
}

async function look(url: string): Promise<Page> {
  const page = await open(browser, url, complaints);
  ends.push(() => page.close());
  return page;
}

const stores = (): ShopOptions => ({ redis: redis.url, database: postgres.url });
const textOf = async (page: Page, selector: string): Promise<string> =>
  (await page.textContent(selector)) ?? '';
/** Loads it, and waits until every tier has it: the last one is filled in the background. */
async function load({ cache }: Shop, key: string): Promise<void> {
  await cache.getOrSet(key, () => ({ name: 'kim' }), { tags: ['users'], ttl: '5m' });
  await vi.waitFor(async () => {
    const { tiers } = await cache.explain(key);
    expect(Object.values(tiers).map(({ state }) => state)).toEqual(['fresh', 'fresh', 'fresh']);
  });
}

const untilLive = (page: Page): Promise<unknown> =>
  until(page, "document.getElementById('live').textContent === 'live'");

it.each([false, true])(
  'loads under a prefix and behind a proxy that rewrites (Fastify: %s)',
  async (fastify) => {
    const shop = await start({ fastify, prefix: 'v1' });
    const proxy = await startRewritingProxy(shop.url);
    ends.push(() => proxy.close());
    for (const url of [shop.url, `${shop.url}/`, `${proxy.url}/v1/ops/cache`]) {
      const page = await look(url);
      await untilLive(page);
      for (const view of VIEWS) {
        await page.click(`#nav-${view}`);
        await until(page, `document.title.toLowerCase().startsWith('${view}')`);
      }
      // A reload of any address that the page makes comes back to it.
      await page.reload();
      await untilLive(page);
      expect(await page.title()).toContain('Feed');
    }
    expect(complaints).toEqual([]);
  },
);

it('shows within two seconds that Redis has stopped, and that it is back', async () => {
  const mortal = await startRedis();
  ends.push(() => mortal.stop());
  const shop = await start({ ...stores(), redis: mortal.url });
  ends.push(traffic(shop.cache));
  const page = await look(shop.url);
  await untilLive(page);
  await until(page, "document.querySelector('#tier-l2 .badge').textContent === 'up'");
  await mortal.kill();
  await until(
    page,
    "document.querySelector('#tier-l2 .badge').textContent.startsWith('open')",
    2_000,
  );
  expect(await textOf(page, '.headline')).toContain('L2 is not asked');
  expect(await page.getAttribute('#tier-l2', 'class')).toContain('sick');
  await until(page, "document.querySelectorAll('.band rect.of-loader').length > 0");
  await show(page, 'feed');
  await until(page, "document.getElementById('feed').textContent.includes('L2 is down')");
  await mortal.restart();
  await until(page, "document.getElementById('feed').textContent.includes('L2 is up')");
  await show(page, 'overview');
  await until(page, "document.querySelector('#tier-l2 .badge').textContent === 'up'");
  expect(complaints).toEqual([]);
});

it('draws the journey of a key as the API tells it, and moves no counter', async () => {
  const shop = await start({ ...stores(), dashboard: { actions: true } });
  const { cache } = shop;
  await load(shop, 'user:7');
  const page = await look(shop.url);
  await untilLive(page);
  await show(page, 'journey');
  await page.fill('#key', 'user:7');
  await page.press('#key', 'Enter');
  const drawn = async (): Promise<Record<string, string>> => {
    const found: Record<string, string> = {};
    for (const tier of ['l1', 'l2', 'l3']) found[tier] = await textOf(page, `#stop-${tier} .badge`);
    return found;
  };
  const told = async (): Promise<Record<string, string>> => {
    const response = await fetch(`${shop.url}/api/explain?key=user%3A7`);
    const { tiers } = (await response.json()) as { tiers: Record<string, { state: string }> };
    return Object.fromEntries(Object.entries(tiers).map(([name, { state }]) => [name, state]));
  };
  const counters = (): unknown => {
    const { caches, tiers } = cache.stats();
    return [caches, Object.values(tiers).map(({ hits, misses }) => [hits, misses])];
  };
  await page.waitForSelector('#sentence');
  const before = counters();
  expect(await textOf(page, '#sentence')).toBe('A get() now would be answered by L1.');
  expect(await drawn()).toEqual({ l1: 'fresh', l2: 'fresh', l3: 'fresh' });
  expect(await drawn()).toEqual(await told());
  await page.click('#again');
  expect(counters()).toEqual(before);
  const act = async (button: string, about: string): Promise<void> => {
    await page.click(button);
    expect(await textOf(page, '#ask .key')).toBe(about);
    await page.click('#ask .main');
    await until(page, "document.getElementById('ask-says').textContent === 'Done'");
    expect(await textOf(page, '#ask')).toContain('L2done');
    await page.press('#ask', 'Escape');
  };
  await act('#do-expire', 'user:7');
  await until(page, "document.querySelector('#stop-l2 .badge').textContent === 'stale'");
  expect(await drawn()).toEqual(await told());
  expect(await textOf(page, '#sentence')).toContain('the stale value in');
  await act('#stop-l2 .tags button', 'users');
  await until(page, "document.querySelector('#stop-l2 .badge').textContent === 'invalid'");
  expect(await drawn()).toEqual(await told());
  await act('#do-delete', 'user:7');
  await until(page, "document.querySelector('#stop-l2 .badge').textContent === 'absent'");
  expect(await drawn()).toEqual(await told());
  expect(await textOf(page, '#stop-loader')).toContain('answers');
  expect(counters()).toEqual(before);
  expect(complaints).toEqual([]);
});

it('shows a key and a tag that look like markup as text', async () => {
  const shop = await start({ dashboard: { actions: true } });
  await shop.cache.set(EVIL, EVIL, { tags: [EVIL] });
  const page = await look(shop.url);
  await untilLive(page);
  await show(page, 'caches');
  await page.waitForSelector('th.key a');
  expect(await textOf(page, 'th.key')).toBe(EVIL);
  await page.click('th.key a');
  await page.waitForSelector('#stop-l1 .tags');
  expect(await textOf(page, '#stop-you .key')).toBe(EVIL);
  expect(await textOf(page, '#stop-l1 .tags')).toBe(EVIL);
  await page.click('#do-delete');
  expect(await textOf(page, '#ask .key')).toBe(EVIL);
  await page.click('#ask .main');
  await until(page, "document.getElementById('ask-says').textContent === 'Done'");
  expect(await shop.cache.get(EVIL)).toBeUndefined();
  expect(
    await page.evaluate('[window.hit, document.querySelectorAll("img[src=x]").length]'),
  ).toEqual([undefined, 0]);
  expect(complaints).toEqual([]);
});

it('is out of reach of scripts of other sites, of other tenants, and of everybody without a guard', async () => {
  const closed = await start({ dashboard: { guard: undefined, actions: true } });
  const send = {
    method: 'POST',
    headers: {
      'content-type': 'application/json',
      'x-cache-dashboard': '1',
      'sec-fetch-site': 'same-origin',
    },
    body: '{"key":"k"}',
  };
  for (const path of ['', '/app.js', '/api/stream', '/api/settings', '/api/explain?key=k'])
    expect((await fetch(closed.url + path)).status).toBe(403);
  expect((await fetch(`${closed.url}/api/actions/delete`, send)).status).toBe(403);
  const quiet = await start({ dashboard: { actions: false } });
  expect((await fetch(`${quiet.url}/api/actions/delete`, send)).status).toBe(403);

  const tenants = await start({ tenants: true });
  await tenants.cache.runAs({ tenantId: 'red' }, () => tenants.cache.set('k', 1));
  const asked = await fetch(`${tenants.url}/api/explain?key=k`, {
    headers: { 'x-tenant': 'blue' },
  });
  expect(await asked.json()).toMatchObject({ answeredBy: 'loader' });

  // Another site's page, in the browser of somebody who may.
  const shop = await start({ dashboard: { actions: true } });
  await shop.cache.set('k', 1);
  const evil = createServer((_asked, answer) => answer.end('<title>Prize</title>'));
  await new Promise<void>((resolve) => evil.listen(0, '127.0.0.1', resolve));
  ends.push(() => evil.close());
  const page = await browser.newPage();
  ends.push(() => page.close());
  await page
    .goto(`http://localhost:${(evil.address() as AddressInfo).port}/`)
    .catch(() => page.goto(`http://127.0.0.1:${(evil.address() as AddressInfo).port}/`));
  const tried =
    await page.evaluate(`Promise.all(['text/plain', 'application/json'].flatMap((type) => ['no-cors', 'cors'].map((mode) =>
    fetch('${shop.url}/api/actions/delete', { method: 'POST', mode, body: '{"key":"k"}', headers: { 'content-type': type, ...(mode === 'cors' && { 'x-cache-dashboard': '1' }) } })
      .then((response) => response.status, () => 'refused'))))`);
  expect(tried).toEqual([0, 'refused', 0, 'refused']);
  expect(await shop.cache.get('k')).toBe(1);
});

it('comes back after a restart of the server with every point once', async () => {
  const first = await startShop();
  const port = Number(new URL(first.url).port);
  const page = await open(browser, first.url, []);
  ends.push(() => page.close());
  await untilLive(page);
  const stop = traffic(first.cache);
  await until(page, "document.querySelectorAll('.band g').length >= 2");
  stop();
  await first.close();
  await until(page, "document.getElementById('live').textContent.startsWith('last seen')");
  expect(await page.evaluate("document.body.classList.contains('late')")).toBe(true);
  const second = await start({ port });
  ends.push(traffic(second.cache));
  await untilLive(page);
  await until(page, "document.querySelectorAll('.band g').length >= 2");
  const places =
    "[...document.querySelectorAll('.band g')].map((column) => column.querySelector('.none').getAttribute('x'))";
  const xs = await page.evaluate<string[]>(places);
  expect(new Set(xs).size).toBe(xs.length);
  expect(await page.evaluate("document.body.classList.contains('late')")).toBe(false);
});

it('counts once a second for three tabs, and not at all when they are closed', async () => {
  const shop = await start();
  const counted = vi.spyOn(shop.cache, 'stats');
  const pages = await Promise.all([1, 2, 3].map(() => look(shop.url)));
  await Promise.all(pages.map(untilLive));
  await pages[0].waitForTimeout(1_100);
  counted.mockClear();
  await pages[0].waitForTimeout(3_000);
  expect(counted.mock.calls.length).toBeGreaterThan(1);
  expect(counted.mock.calls.length).toBeLessThan(6);
  await Promise.all(pages.map((page) => page.goto('about:blank')));
  await pages[0].waitForTimeout(1_000);
  counted.mockClear();
  await pages[0].waitForTimeout(2_500);
  expect(counted).not.toHaveBeenCalled();
});

it('shows a hundred thousand keys page by page, at once', async () => {
  const shop = await start({ maxEntries: 120_000 });
  const keys = Array.from({ length: 100_000 }, (_, index) => `user:${100_000 + index}`);
  for (let i = 0; i < keys.length; i += 5_000)
    await shop.cache.setMany(keys.slice(i, i + 5_000).map((key) => [key, 1] as const));
  const page = await look(`${shop.url}#/caches`);
  await page.waitForSelector('tbody th.key');
  const paint = await page.evaluate(
    "performance.getEntriesByName('first-contentful-paint')[0].startTime",
  );
  expect(paint).toBeLessThan(1_000);
  expect(await page.locator('tbody th.key').count()).toBe(50);
  // In the order of the tier, whatever that is: a page is none of the keys of the one before.
  const first = await textOf(page, 'tbody th.key');
  await page.click('#page-next');
  await until(page, `!document.getElementById('entries').textContent.includes('${first}')`);
  expect(await page.locator('tbody th.key').count()).toBeGreaterThan(0);
  await page.fill('#prefix', 'user:1999');
  await page.press('#prefix', 'Enter');
  await until(page, "document.querySelector('tbody th.key')?.textContent.startsWith('user:1999')");
  await page.mouse.wheel(0, 3_000);
  // Little to draw is what makes scrolling smooth.
  expect(await page.evaluate("document.querySelectorAll('*').length")).toBeLessThan(3_000);
  expect(complaints).toEqual([]);
});

it('is usable by keyboard alone, with focus to be seen', async () => {
  const shop = await start({ dashboard: { actions: true } });
  await shop.cache.set('user:7', 1);
  const page = await look(shop.url);
  await untilLive(page);
  const focused = (what: string): Promise<unknown> =>
    page.evaluate(`document.activeElement.${what}`);
  await page.keyboard.press('Tab');
  expect(await focused('className')).toBe('skip');
  await page.keyboard.press('Enter');
  await until(page, "document.activeElement.id === 'view'");
  expect(await page.title()).toContain('Overview');
  await page.focus('#nav-overview');
  await page.keyboard.press('Tab');
  expect(await focused('id')).toBe('nav-journey');
  expect(await page.evaluate('getComputedStyle(document.activeElement).outlineStyle')).toBe(
    'solid',
  );
  await page.keyboard.press('Enter');
  await page.waitForSelector('#key');
  expect(await focused('id')).toBe('nav-journey');
  for (let i = 0; i < 4; i++) await page.keyboard.press('Tab');
  expect(await focused('id')).toBe('key');
  await page.keyboard.type('user:7\n');
  await page.waitForSelector('#do-delete');
  await page.focus('#do-delete');
  await page.keyboard.press('Enter');
  await page.waitForSelector('#ask[open]');
  await page.keyboard.press('Tab');
  await page.keyboard.press('Enter');
  await until(page, "document.getElementById('ask-says').textContent === 'Done'");
  await page.keyboard.press('Enter');
  await until(page, "!document.getElementById('ask').open");
  expect(await shop.cache.get('user:7')).toBeUndefined();
  // A second later the numbers are others, and the focus is where it was.
  await page.focus('#nav-feed');
  await page.waitForTimeout(1_500);
  expect(await focused('id')).toBe('nav-feed');
});

it.each(['light', 'dark'] as const)(
  'has contrast, room and rest in the %s scheme',
  async (colorScheme) => {
    const shop = await start({ ...stores(), dashboard: { actions: true } });
    ends.push(traffic(shop.cache));
    await shop.cache.set('user:7', 1, { tags: ['users'] });
    const page = await look(shop.url);
    await page.emulateMedia({ colorScheme, reducedMotion: 'reduce' });
    await untilLive(page);
    for (const width of [1_280, 360]) {
      await page.setViewportSize({ width, height: 800 });
      for (const view of VIEWS) {
        await show(page, view, { key: 'user:7', cache: 'default' });
        await page.waitForTimeout(300);
        expect([view, await page.evaluate(FAINT)]).toEqual([view, []]);
        expect([view, await page.evaluate('document.documentElement.scrollWidth')]).toEqual([
          view,
          width,
        ]);
        const moving =
          "document.querySelectorAll('animateMotion').length + document.getAnimations().length";
        expect([view, await page.evaluate(moving)]).toEqual([view, 0]);
      }
    }
    expect(complaints).toEqual([]);
  },
);

it('tells states by word and by shape, not by colour alone', async () => {
  const shop = await start({ ...stores(), dashboard: { actions: true } });
  await load(shop, 'fresh');
  await load(shop, 'stale');
  await shop.cache.expire('stale');
  const page = await look(shop.url);
  await untilLive(page);
  const shapes: Record<string, string> = {};
  for (const key of ['fresh', 'stale', 'absent']) {
    await show(page, 'journey', { key, cache: 'default' });
    await until(page, `document.querySelector('#stop-you .key')?.textContent === '${key}'`);
    expect(await textOf(page, '#stop-l2 .badge')).toBe(key);
    const paths =
      "[...document.querySelectorAll('#stop-l2 .shape path')].map((path) => path.getAttribute('d')).join()";
    shapes[key] = String(await page.evaluate(paths));
  }
  expect(new Set(Object.values(shapes)).size).toBe(3);
  await show(page, 'caches', { tier: 'l2' });
  await page.waitForSelector('.dots svg');
  const labels =
    "[...document.querySelectorAll('.dots svg')].map((dot) => dot.getAttribute('aria-label'))";
  expect(await page.evaluate(labels)).toContain('L2: stale');
});

it.runIf(process.env['SCREENSHOTS'])(
  'takes the pictures of the five views',
  async () => {
    const folder = process.env['SCREENSHOTS']!;
    await mkdir(folder, { recursive: true });
    const shop = await start({
      ...stores(),
      warming: true,
      dashboard: { actions: true, values: 'redacted' },
    });
    ends.push(traffic(shop.cache));
    const page = await look(shop.url);
    await untilLive(page);
    await page.waitForTimeout(100_000);
    await shop.cache.set('product:lamp:1', { name: 'lamp' }, { tags: ['lamps'], ttl: '5m' });
    const queries: Record<string, Record<string, string>> = {
      journey: { key: 'product:lamp:1', cache: 'default' },
    };
    for (const view of VIEWS) {
      await show(page, view, queries[view]);
      await page.waitForTimeout(1_500);
      await page.screenshot({ path: `${folder}/dashboard-${view}.png` });
    }
    await page.emulateMedia({ colorScheme: 'dark' });
    await show(page, 'overview');
    await page.waitForTimeout(1_500);
    await page.screenshot({ path: `${folder}/dashboard-dark.png` });
    expect(complaints).toEqual([]);
  },
  180_000,
);
