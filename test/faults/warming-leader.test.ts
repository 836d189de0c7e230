/** Of two processes that warm one plans; when it is killed, the other one takes its place as soon as its lease has ended. */
import { fork, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { expect, it } from 'vitest';
import { atEnd, endAfterEach } from '../support/ends.js';
import { freshNamespace, redisUrl } from '../support/servers.js';

const TICK_MS = 300;
const LEASE_MS = 2_000;
/** What a busy machine may add. */
const SLACK_MS = 5_000;
/** So many plans take longer than a lease: it has been renewed. */
const PLANS = 10;

endAfterEach();

/** What a process has said of itself. */
class Instance {
  leads = false;
  plans = 0;
  /** It runs, and has said whether it leads. */
  up = false;
  readonly child: ChildProcess;

  constructor(namespace: string, heard: () => void) {
    const script = new URL('./fixtures/warming-instance.mjs', import.meta.url);
    const options = { namespace, redis: redisUrl(), interval: TICK_MS };
    this.child = fork(script, [JSON.stringify(options)], { execArgv: [] });
    atEnd(() => this.kill());
    this.child.on('message', (told: { readonly leads?: boolean; readonly planned?: true }) => {
      if (told.planned) this.plans++;
      else {
        this.up = true;
        this.leads = told.leads === true;
      }
      heard();
    });
  }

  async kill(): Promise<void> {
    if (this.child.exitCode !== null || this.child.signalCode !== null) return;
    const gone = once(this.child, 'exit');
    this.child.kill('SIGKILL');
    await gone;
    // What it has said before may come later.
    this.child.removeAllListeners('message');
    this.leads = false;
  }
}

it(
  'one of two leads and plans, and the other one when it is killed',
  { timeout: 60_000 },
  async () => {
    const namespace = freshNamespace();
    const all: Instance[] = [];
    let both = 0;
    const heard = (): void => {
      if (all.length === 2 && all.every(({ leads }) => leads)) both++;
    };
    for (let n = 0; n < 2; n++) all.push(new Instance(namespace, heard));
    const leaders = (): Instance[] => all.filter(({ leads }) => leads);
    await expect.poll(() => all.every(({ up }) => up), { timeout: 20_000 }).toBe(true);
    await expect.poll(leaders, { timeout: LEASE_MS + SLACK_MS }).toHaveLength(1);

    const [leader] = leaders();
    const other = all.find((one) => one !== leader)!;
    const enough = leader.plans + PLANS;
    await expect
      .poll(() => leader.plans, { timeout: PLANS * TICK_MS + SLACK_MS })
      .toBeGreaterThanOrEqual(enough);
    expect(other.plans).toBe(0);
    expect(leaders()).toEqual([leader]);

    await leader.kill();
    await expect.poll(() => other.leads, { timeout: LEASE_MS + TICK_MS + SLACK_MS }).toBe(true);
    await expect.poll(() => other.plans, { timeout: TICK_MS + SLACK_MS }).toBeGreaterThan(0);
    expect(both).toBe(0);
  },
);
