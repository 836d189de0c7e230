/** The part of the read flow in which L2 is asked: what it has, then the right to load, and the wait while another process loads. */
import type { Clock } from '../core/clock.js';
import type { Entry } from '../core/entry.js';
import { isStrong } from '../core/entry-options.js';
import type { Ticket, TierRead } from '../core/tier.js';
import type { Closing } from './closing.js';
import type { Flight } from './single-flight.js';
import type { TierGuard } from './tier-guard.js';

const FIRST_PAUSE_MS = 5;
const LONGEST_PAUSE_MS = 40;

/**
 * How L2 stands towards a load: `found` ends it, `ticket` lets it fill; `away` leaves the fence to L3 alone; `guarded`: the key
 * is being written, so what is loaded is kept nowhere.
 */
export interface Lease {
  readonly found?: Entry;
  readonly ticket?: Ticket;
  readonly away: boolean;
  readonly guarded?: boolean;
}
/** There is no L2, or it is away. */
export const WITHOUT: Lease = { away: true };
const TAKEN: Lease = { away: false };
const GUARDED: Lease = { away: false, guarded: true };

interface LeaseTools {
  readonly clock: Clock;
  readonly closing: Closing;
  readonly random: () => number;
}

/** Waits with jitter, until `hardTimeout`. */
export async function leaseFor(flight: Flight, l2: TierGuard, tools: LeaseTools): Promise<Lease> {
  const end = tools.closing.watch((reason) => flight.expire(reason));
  try {
    return await takeLease(flight, l2, tools);
  } finally {
    end();
  }
}

async function takeLease(
  flight: Flight,
  l2: TierGuard,
  { clock, random }: LeaseTools,
): Promise<Lease> {
  const { address, kind, life } = flight;
  const verify = isStrong(life);
  const look = (): Promise<TierRead | undefined> =>
    l2.read(address, { together: kind.bulk !== undefined, verify, schema: life.schema });
  // Not verified is not stored either.
  const away = verify ? GUARDED : WITHOUT;
  let seen = await look();
  // Who is late with an answer is not asked for a ticket: a caller waits for a tier once.
  if (!seen) return away;
  let pause = FIRST_PAUSE_MS;
  for (let asked = 0; ; asked++) {
    // A refresh that finds a newer value has been overtaken by another process.
    const wanted = !kind.force || (kind.refresh && asked > 0);
    if (wanted && seen.state === 'fresh' && seen.entry) return { found: seen.entry, away: false };
    flight.hold(seen);
    if (flight.rested) return TAKEN;
    const tags = address.scope.tagged(life.tags);
    const reply = await l2.ticket(address, seen, tags, life.schema);
    if (reply.kind === 'granted') return { ticket: reply.ticket, away: false };
    if (reply.kind === 'none') return away;
    if (reply.kind === 'guarded') return GUARDED;
    // Late: whoever waited has been answered, with what stands in where there is something.
    if (flight.aborted) throw flight.reason;
    if (reply.kind === 'found') {
      const found: TierRead | undefined = verify ? await look() : reply.read;
      if (!found) return away;
      seen = found;
      continue;
    }
    if (kind.bulk || kind.alone) return TAKEN;
    const current = kind.refresh ? flight.stale : undefined;
    if (current && clock.now() < current.freshUntil) return { found: current, away: false };
    const wait = random() * pause;
    await new Promise<void>((resolve) => clock.after(wait, resolve));
    if (flight.aborted) throw flight.reason;
    pause = Math.min(pause * 2, LONGEST_PAUSE_MS);
  }
}
