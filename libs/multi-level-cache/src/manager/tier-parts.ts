/** The parts of one tier that may be slow or gone by themselves, and what follows from them for the whole: is it asked, and how fast is it? */
import type { Clock } from '../core/clock.js';
import type { Address } from '../core/key.js';
import { Latencies, type LatencyStats } from '../core/latency.js';
import type { Tier, Trouble } from '../core/tier.js';
import { TierPart, type Latency } from './tier-part.js';

/**
 * Whether it is asked. `half_open`: it is being tried, or only a part of it is asked, as where a node of a Cluster is gone.
 * `config`: credentials, permissions or certificates have to be changed.
 */
export type BreakerState = 'closed' | 'half_open' | 'open' | 'config';

export interface PartsOptions {
  readonly budget: number;
  readonly random: () => number;
  /** Some part of the tier is not read or not filled any more, or all are again. */
  readonly onIll: (ill: boolean) => void;
}

export class TierParts {
  readonly #parts = new Map<string, TierPart>();
  /** The only one, of a tier that has no parts. */
  #whole: TierPart | undefined;
  readonly #latencies = new Latencies();
  /** What is open of their breakers. */
  #ill = 0;

  constructor(
    readonly tier: Tier,
    readonly clock: Clock,
    readonly options: PartsOptions,
  ) {}

  /** The one that has a key. */
  of(address: Address): TierPart {
    const { tier } = this;
    return tier.partOf ? this.#named(tier.partOf(address)) : (this.#whole ??= this.#named(''));
  }

  #named(name: string): TierPart {
    let part = this.#parts.get(name);
    if (!part) this.#parts.set(name, (part = this.#make()));
    return part;
  }

  /** Nothing is read of the tier, or of a part of it. */
  get away(): boolean {
    if (this.tier.status().state === 'down') return true;
    return this.#all.some(({ reads }) => reads.open);
  }

  get breaker(): BreakerState {
    const { config, state } = this.tier.status();
    const parts = this.#all;
    if (config || parts.some(({ trouble }) => trouble?.config)) return 'config';
    if (state === 'down') return 'open';
    const open = parts.filter(({ reads }) => reads.open);
    if (open.length === 0) return 'closed';
    const asked = open.length < parts.length || open.some(({ reads }) => reads.trying);
    return asked ? 'half_open' : 'open';
  }

  /** What keeps parts from being read or filled; `undefined` = all are. */
  get trouble(): Partial<Trouble> | undefined {
    if (this.#ill === 0) return undefined;
    const troubles = this.#all.flatMap(({ trouble }) => trouble ?? []);
    // What only somebody can mend comes first.
    return troubles.find(({ config }) => config) ?? troubles[0] ?? {};
  }

  /** How long answers took within the last minutes: of a sample of the reads, and not of those that failed. */
  get latency(): LatencyStats {
    return this.#latencies.stats(this.clock.now());
  }

  /** Share of the answers that came within so many ms; `undefined` = none was measured. */
  within(ms: Parameters<Latencies['within']>[0]): number | undefined {
    return this.#latencies.within(ms, this.clock.now());
  }

  /** How long answers took that were waited for since the last time: of a few reads only, and not of those that failed. */
  takeLatency(): Latency {
    const parts = this.#all.map((part) => part.takeLatency());
    return {
      samples: parts.reduce((sum, { samples }) => sum + samples, 0),
      totalMs: parts.reduce((sum, { totalMs }) => sum + totalMs, 0),
    };
  }

  /** Those that are not asked are tried now; resolves when they have been, or when the budget is over. */
  async tryNow(): Promise<void> {
    if (this.tier.status().state === 'down') return;
    await Promise.all(this.#all.map((part) => part.tryNow()));
  }

  /** The tier went away, or came back: what it was like before says nothing. */
  anew(): void {
    for (const part of this.#all) part.stop();
    this.#parts.clear();
    this.#whole = undefined;
    this.#ill = 0;
  }

  get #all(): readonly TierPart[] {
    return [...this.#parts.values()];
  }

  #make(): TierPart {
    const { clock, tier } = this;
    const { budget, onIll, random } = this.options;
    const latencies = this.#latencies;
    const onChange = (ill: boolean): void => {
      this.#ill += ill ? 1 : -1;
      if (this.#ill === (ill ? 1 : 0)) onIll(ill);
    };
    return new TierPart(tier, { clock, budget, latencies, random, onChange });
  }
}
