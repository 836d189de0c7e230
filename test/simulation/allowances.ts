/** What the ledger lets pass because the protocol does not promise more: each is a limit of its own, to be tightened alone. */
import type { Taken } from './ledger.js';

/** Longest way of a command to a frozen Redis, and of the removal that follows it, ms. */
const LATE_IN_REDIS = 2_500;
/** The same with PostgreSQL, which is looked for once a second. */
const LATE_IN_DATABASE = 4_000;

export const ALLOWED = {
  /** What a store did not take is known to its issuer: others may read the old value there until it is paid, or for ever if its issuer dies. */
  knownToIssuerOnly: ({ l2, l3 }: Taken): boolean => l2 === 'queued' || l3 === 'queued',

  /** The old row of a PostgreSQL that did not take it is promoted by others, and so the issuer itself may meet it in Redis. */
  oldRowThroughRedis: ({ l2, l3 }: Taken): boolean => l3 === 'queued' && l2 !== 'off',

  /** Without Redis nobody tells memory of others' removals, and what it keeps for its grace may stand in all that time. */
  graceUnheard: ({ l2 }: Taken): boolean => l2 === 'off',

  /** Stores keep the moment of an `expire` by their own wall clock, which may be set: then it is not known what it does. */
  expireByWallClock: (how: string, clocksJump: boolean): boolean => how === 'expire' && clocksJump,

  /** A `set` that a store takes after its client gave up may be seen for so long, until its removal follows, ms. */
  lateSet: ({ l2, l3 }: Taken): number =>
    Math.max(l2 === 'queued' ? LATE_IN_REDIS : 0, l3 === 'queued' ? LATE_IN_DATABASE : 0),
};
