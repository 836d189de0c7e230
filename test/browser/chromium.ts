/** Finds Chromium on this machine, or installs it on Debian and Ubuntu as root. */
import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { promisify } from 'node:util';
import { onPath } from '../support/on-path.js';

const run = promisify(execFile);
const NAMES = ['chromium', 'chromium-browser', 'google-chrome-stable', 'google-chrome'];

export async function browserProgram(): Promise<string> {
  const found = process.env['CHROMIUM_PATH'] ?? onPath(NAMES);
  if (found) return found;
  if (process.getuid?.() === 0 && existsSync('/etc/debian_version')) {
    const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive' };
    await run('apt-get', ['update', '-q'], { env }).catch(() => undefined);
    await run('apt-get', ['install', '-y', '-q', '--no-install-recommends', 'chromium'], {
      env,
      maxBuffer: 2 ** 26,
    });
  }
  const installed = onPath(NAMES);
  if (!installed)
    throw new Error(
      'No Chromium here. Run:  sudo apt-get install -y chromium   or set CHROMIUM_PATH.',
    );
  return installed;
}
