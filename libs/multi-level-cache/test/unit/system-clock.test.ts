/** The clock of a running process, in one that has nothing else to do. */
import { execFileSync } from 'node:child_process';
import { expect, it } from 'vitest';

const CLOCK = new URL('../../dist/core/clock.js', import.meta.url).href;
const HEAD = `import { SystemClock } from ${JSON.stringify(CLOCK)}; const clock = new SystemClock();`;

function printed(script: string): string {
  const argv = ['--input-type=module', '--eval', HEAD + script];
  return execFileSync(process.execPath, argv, { encoding: 'utf8' });
}

it('a turn that somebody waits for keeps the process alive', () => {
  expect(printed('clock.turn().then(() => console.log("done"));')).toBe('done\n');
});

it('a timer does not', () => {
  expect(printed('clock.after(60_000, () => console.log("late"));')).toBe('');
});
