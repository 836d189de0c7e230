/** Events as lines that everybody who may see the dashboard may read: they name caches, tiers and counts, never a key, tag or tenant. */
import type { CacheEvents, CacheManager } from 'nestjs-multi-level-cache';

/** What is listened to; hits are not: they are told only while somebody listens, which would cost each of them. */
export type FeedKind =
  'tier' | 'invalidate' | 'load' | 'late' | 'stale' | 'corrupt' | 'denied' | 'backplane';

export interface FeedLine {
  /** From 1 on: those who reconnect know what they have. */
  readonly id: number;
  /** Wall time in ms. */
  readonly at: number;
  readonly kind: FeedKind | 'more';
  /** `bad`: somebody should look; `good`: it is over. */
  readonly tone: 'bad' | 'good' | 'plain';
  readonly says: string;
  /** How many of the kind happened within the second. */
  readonly times: number;
}

type Said = Pick<FeedLine, 'tone' | 'says'>;

const SLOW_MS = 100;
/** Kept for those who come later. */
const KEPT = 60;
/** Different lines in one second; more are only counted. */
const AT_A_TIME = 8;

/** THE list of events, and what each one says. `undefined` = nothing worth a line. */
const LINES: { readonly [K in FeedKind]: (event: CacheEvents[K]) => Said | undefined } = {
  tier: ({ config, reason, state, tier }) => {
    const name = tier.toUpperCase();
    if (state === 'up') return { tone: 'good', says: `${name} is up` };
    const why = reason === undefined ? '' : `: ${word(reason)}`;
    const mend = config === true ? ', and somebody has to mend it' : '';
    return { tone: 'bad', says: `${name} is ${state}${why}${mend}` };
  },
  invalidate: ({ count, kind, origin, soft }) => {
    const what = `${count} ${kind}${count === 1 ? '' : 's'}`;
    const how = soft ? 'made stale' : 'invalidated';
    const where = origin === 'local' ? 'here' : ', told by the backplane';
    return { tone: 'plain', says: `${what} ${how}${origin === 'local' ? ' ' : ''}${where}` };
  },
  load: ({ cache, durationMs, error }) => {
    const took = `${Math.round(durationMs)} ms`;
    if (error !== undefined)
      return { tone: 'bad', says: `a load of ${cache} failed after ${took}: ${className(error)}` };
    if (durationMs < SLOW_MS) return undefined;
    return { tone: 'plain', says: `a load of ${cache} took ${took}` };
  },
  late: ({ afterMs, cache }) => ({
    tone: 'bad',
    says: `a load of ${cache} has not ended within ${afterMs} ms`,
  }),
  stale: ({ cache }) => ({ tone: 'plain', says: `a stale value of ${cache} stood in` }),
  corrupt: ({ tier }) => ({
    tone: 'bad',
    says: `${tier.toUpperCase()} held bytes that are not this application's`,
  }),
  denied: ({ action, cache }) => ({ tone: 'bad', says: `${word(action)} on ${cache} was denied` }),
  backplane: ({ state }) =>
    state === 'deaf'
      ? { tone: 'bad', says: 'other instances are not heard' }
      : { tone: 'good', says: 'other instances are heard again' },
};

/** Of slow loads and invalidations only the number differs: they are one line. */
const alike = (says: string): string => says.replaceAll(/\d+/g, '#');

export class Feed {
  #lines: FeedLine[] = [];
  #next = new Map<string, Said & { readonly kind: FeedKind; times: number }>();
  #left = 0;
  #id = 0;
  #stop: (() => void)[] = [];

  constructor(private readonly cache: CacheManager) {}

  /** Listens from now on; costs nothing before and after. */
  start(): void {
    this.#stop = (Object.keys(LINES) as FeedKind[]).map((kind) =>
      this.cache.on(kind, (event) => this.#hear(kind, event)),
    );
  }

  stop(): void {
    for (const stop of this.#stop) stop();
    this.#stop = [];
    this.#next.clear();
  }

  /** What is known of the past, oldest first. */
  get lines(): readonly FeedLine[] {
    return this.#lines;
  }

  /** What has happened since it was last asked, alike events in one line. */
  take(now: number): readonly FeedLine[] {
    const times = this.#left;
    const more = { kind: 'more', tone: 'plain', says: 'more events', times } as const;
    const heard = [...this.#next.values(), ...(times > 0 ? [more] : [])];
    const fresh = heard.map((line) => ({ id: ++this.#id, at: now, ...line }));
    this.#next.clear();
    this.#left = 0;
    this.#lines = [...this.#lines, ...fresh].slice(-KEPT);
    return fresh;
  }

  #hear<K extends FeedKind>(kind: K, event: CacheEvents[K]): void {
    const said = LINES[kind](event);
    if (!said) return;
    const name = alike(said.says);
    const known = this.#next.get(name);
    if (known) known.times++;
    else if (this.#next.size < AT_A_TIME) this.#next.set(name, { kind, ...said, times: 1 });
    else this.#left++;
  }
}

/** The name of an error's class: a message may hold anything, also a key. */
function className(error: unknown): string {
  return error instanceof Error ? word(error.constructor.name || 'Error') : typeof error;
}

function word(text: string): string {
  return text.replaceAll(/[^\w .:-]/g, '').slice(0, 40);
}
