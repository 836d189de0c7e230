/** The demo's page in a real browser: what a person sees. */
import { spawn } from 'node:child_process';
import { chromium, type Browser, type Page } from 'playwright-core';
import { freePort } from 'throwaway-servers';
import { afterAll, beforeAll, expect, it, vi } from 'vitest';
import { browserProgram } from './chromium.js';

const MAIN = new URL('../../dist/apps/demo/main.js', import.meta.url).pathname;

let browser: Browser;
let page: Page;
let stop: () => Promise<unknown>;
const complaints: string[] = [];

beforeAll(async () => {
  const port = await freePort();
  const child = spawn(process.execPath, [MAIN], {
    env: { ...process.env, PORT: String(port) },
    stdio: 'ignore',
  });
  stop = () => new Promise((resolve) => (child.once('exit', resolve), child.kill('SIGTERM')));
  const url = `http://127.0.0.1:${port}/`;
  await vi.waitFor(async () => expect((await fetch(url)).status).toBe(200), {
    timeout: 90_000,
    interval: 100,
  });
  browser = await chromium.launch({
    executablePath: await browserProgram(),
    args: ['--no-sandbox'],
  });
  page = await browser.newPage({ viewport: { width: 1000, height: 1100 } });
  page.on('console', (message) => message.type() === 'error' && complaints.push(message.text()));
  page.on('pageerror', (error) => complaints.push(error.message));
  await page.goto(url);
}, 180_000);
afterAll(async () => {
  await browser?.close();
  await stop?.();
});

it('shows who answered, remembers, and forgets what a write made wrong', async () => {
  await page.click('text=Nearest places');
  await page.waitForFunction("document.querySelectorAll('#log tr').length === 1");
  expect(await page.textContent('#by')).toBe('loader');
  await page.click('text=Nearest places');
  await page.waitForFunction("document.querySelectorAll('#log tr').length === 2");
  expect(await page.textContent('#by')).toBe('l1');
  expect(await page.textContent('#answer')).toContain('Oslo');
  await page.click('text=one more inhabitant >> nth=0');
  await page.waitForFunction("document.querySelectorAll('#log tr').length === 4");
  expect(await page.textContent('#by')).toBe('loader');
  await page.click('text=Facts');
  await page.waitForFunction("document.querySelectorAll('#log tr').length === 5");
  expect(await page.textContent('#tiers')).toContain('l2: up');
  if (process.env['SCREENSHOT'])
    await page.screenshot({ path: process.env['SCREENSHOT'], fullPage: true });
  expect(complaints).toEqual([]);
});
