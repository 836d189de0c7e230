/** A Chromium whose pages tell what they complain about, and what is measured in them. */
import { chromium, type Browser, type Page } from 'playwright-core';
import { browserProgram } from './chromium.js';

export async function startBrowser(): Promise<Browser> {
  return chromium.launch({ executablePath: await browserProgram(), args: ['--no-sandbox'] });
}

/** Errors, refused by policy or thrown, go into `complaints`. */
export async function open(browser: Browser, url: string, complaints: string[]): Promise<Page> {
  const page = await browser.newPage({ viewport: { width: 1280, height: 800 } });
  page.on('console', (message) => {
    if (message.type() === 'error') complaints.push(message.text());
  });
  page.on('pageerror', (error) => complaints.push(error.message));
  await page.goto(url);
  return page;
}

/** Waits until an expression is true; asked from outside, for the page allows no evaluation within. */
export async function until(page: Page, expression: string, timeout = 30_000): Promise<void> {
  const end = Date.now() + timeout;
  while (!(await page.evaluate(`Boolean(${expression})`))) {
    if (Date.now() > end) throw new Error(`not within ${timeout} ms: ${expression}`);
    await page.waitForTimeout(25);
  }
}

/** Shows a view, as a click on its link would. */
export async function show(
  page: Page,
  view: string,
  query: Record<string, string> = {},
): Promise<void> {
  const hash = `/${view}?${new URLSearchParams(query).toString()}`;
  await page.evaluate(`location.hash = ${JSON.stringify(hash)}`);
  await until(page, `document.title.toLowerCase().startsWith('${view}')`);
}

/** Texts whose contrast to what is behind them is less than AA asks for. */
export const FAINT = `(() => {
  const parse = (text) => (text.match(/[\\d.]+/g) ?? []).map(Number);
  const light = ([r, g, b]) => [r, g, b].map((v) => v / 255).map((v) => (v <= 0.03928 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4))
    .reduce((sum, v, i) => sum + v * [0.2126, 0.7152, 0.0722][i], 0);
  const behind = (element) => {
    for (let e = element; e; e = e.parentElement) {
      const colour = parse(getComputedStyle(e).backgroundColor);
      if (colour.length === 3 || colour[3] > 0.99) return colour;
    }
    return [255, 255, 255];
  };
  const found = [];
  for (const element of document.body.querySelectorAll('*')) {
    const text = [...element.childNodes].some((node) => node.nodeType === 3 && node.data.trim());
    const { left, width } = element.getBoundingClientRect();
    if (!text || element.disabled || width === 0 || left < -100) continue;
    const style = getComputedStyle(element);
    const size = parseFloat(style.fontSize);
    const large = size >= 24 || (size >= 18.66 && Number(style.fontWeight) >= 700);
    const inSvg = element instanceof SVGElement;
    const [a, b] = [light(parse(inSvg ? style.fill : style.color)), light(behind(element))].sort((x, y) => y - x);
    const ratio = (a + 0.05) / (b + 0.05);
    if (ratio < (large ? 3 : 4.5)) found.push(element.className + ': ' + element.textContent.slice(0, 30) + ' ' + ratio.toFixed(2));
  }
  return found;
})()`;
