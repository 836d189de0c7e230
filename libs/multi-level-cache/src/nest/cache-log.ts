/** What an operator reads in the log: changes of state by their names, none more often than once a minute for one thing. */
import type { Logger } from '@nestjs/common';
import type { CacheEventName, CacheEvents, CacheListener } from '../core/events.js';
import type { TierName, TierStatus } from '../core/tier.js';

/** Between two lines of one name about one thing, ms. */
const QUIET_MS = 60_000;

interface Line {
  readonly level: 'log' | 'warn';
  /** Stable, for machines. */
  readonly name: string;
  readonly says: string;
}

interface Told {
  /** Of each name, when it was last said. */
  readonly at: Map<string, number>;
  /** Name of the last line that was said. */
  last: string;
  /** Lines that were not said since the last one. */
  held: number;
  timer: NodeJS.Timeout | undefined;
}

interface Source {
  on<N extends CacheEventName>(event: N, listener: CacheListener<N>): () => void;
}

export class CacheLog {
  readonly #told = new Map<string, Told>();
  readonly #stops: (() => void)[] = [];

  constructor(
    readonly logger: Logger,
    readonly now: () => number = () => performance.now(),
  ) {}

  /** The first line, and a warning for each tier that is not up. */
  ready(tiers: readonly { readonly name: TierName; status(): TierStatus }[]): void {
    const states = tiers.map((tier) => ({ tier: tier.name, ...tier.status() }));
    const all = states.map(({ state, tier }) => `${tier} is ${state}`).join(', ');
    this.#say('cache', { level: 'log', name: 'cache.ready', says: all || 'every tier is off' });
    for (const one of states.filter(({ state }) => state !== 'up')) this.#tier(one);
  }

  listenTo(cache: Source): void {
    this.#stops.push(
      cache.on('tier', (event) => this.#tier(event)),
      cache.on('backplane', ({ state }) => this.#say('backplane', BACKPLANE[state])),
      cache.on('corrupt', ({ cache: of, tier }) =>
        this.#say(`corrupt ${tier}`, {
          level: 'warn',
          name: 'cache.envelope.corrupt',
          says: `${tier} had bytes in the cache ${of} that are not what this application wrote; they are not used`,
        }),
      ),
      cache.on('late', ({ afterMs, cache: of }) =>
        this.#say(`late ${of}`, {
          level: 'warn',
          name: 'cache.loader.late',
          says: `a loader of the cache ${of} has not answered within ${afterMs} ms, its hardTimeout`,
        }),
      ),
      cache.on('denied', ({ action, cache: of, code }) =>
        this.#say(`denied ${action}`, {
          level: 'warn',
          name: 'cache.access.denied',
          says: `${code}: ${action} in the cache ${of}`,
        }),
      ),
      cache.on('warmed', (report) =>
        this.#say('warming', {
          level: 'log',
          name: 'cache.warming.finished',
          says: warmed(report),
        }),
      ),
    );
  }

  closed(ms: number): void {
    for (const stop of this.#stops.splice(0)) stop();
    for (const { timer } of this.#told.values()) clearTimeout(timer);
    this.#told.clear();
    this.logger.log(`cache.closed: what was under way has ended, in ${Math.round(ms)} ms`);
  }

  #tier({ tier, state, reason = 'away', config }: CacheEvents['tier']): void {
    // Told of a value, not of the tier.
    if (reason === 'too-large') return;
    const mend = config
      ? '; it does not heal by itself: see to its credentials and permissions'
      : '';
    if (state === 'up')
      this.#say(tier, { level: 'log', name: 'cache.tier.closed', says: `${tier} is up` });
    else if (state === 'degraded')
      this.#say(tier, {
        level: 'warn',
        name: 'cache.degraded',
        says: `${tier} is degraded, ${reason}: the cache works with losses${mend}`,
      });
    else
      this.#say(tier, {
        level: 'warn',
        name: 'cache.tier.opened',
        says: `${tier} is down, ${reason}: the cache works without it until it is back${mend}`,
      });
  }

  /** Now, or when its time has come, unless it has become untrue by then. */
  #say(about: string, line: Line): void {
    const told = this.#toldOf(about);
    clearTimeout(told.timer);
    const wait = (told.at.get(line.name) ?? -Infinity) + QUIET_MS - this.now();
    if (wait <= 0) return this.#write(told, line);
    told.held++;
    // A state that is known and has come back; of what has one line only the next one says how often.
    if (told.at.size > 1 && line.name === told.last) return;
    told.timer = setTimeout(() => this.#write(told, line), wait);
    told.timer.unref();
  }

  #toldOf(about: string): Told {
    let told = this.#told.get(about);
    if (!told)
      this.#told.set(about, (told = { at: new Map(), last: '', held: 0, timer: undefined }));
    return told;
  }

  #write(told: Told, { level, name, says }: Line): void {
    const more = told.held > 0 ? ` (${told.held} times since)` : '';
    told.at.set(name, this.now());
    told.last = name;
    told.held = 0;
    this.logger[level](`${name}: ${says}${more}`);
  }
}

const BACKPLANE: Readonly<Record<CacheEvents['backplane']['state'], Line>> = {
  deaf: {
    level: 'warn',
    name: 'cache.backplane.deaf',
    says: 'other instances are not heard: what memory has is looked up below until they are',
  },
  recovered: {
    level: 'log',
    name: 'cache.backplane.recovered',
    says: 'other instances are heard again',
  },
};

function warmed(report: CacheEvents['warmed']): string {
  const { alreadyFresh, durationMs, failed, loaded, overBudget, planned } = report;
  return (
    `${planned} planned, ${loaded} loaded, ${alreadyFresh} fresh, ${failed} failed, ` +
    `${overBudget} over budget, in ${Math.round(durationMs)} ms`
  );
}
