/** What the ledger lets pass because the protocol does not promise more: each is a limit of its own, to be tightened alone. */
import type { Taken } from './ledger.js';

/** Longest way of a command to a frozen Redis, and of the removal that follows it, ms. */
const LATE_IN_REDIS = 2_500;
/** The same with PostgreSQL, which is looked for once a second. */
const LATE_IN_DATABASE = 4_000;

export const ALLOWED = {
  /** What no store has taken or remembers is known to its issuer only: lost with it, and others may read the old value until it is paid. */
  knownToIssuerOnly: ({ durable }: Taken): boolean => !durable,

  /** What the one store remembers of the other is lost with that store's data; then it is known to its issuer only as well. */
  bookLost: (taken: Taken, losesData: boolean): boolean => losesData && isQueued(taken),

  /** Others pay what they find in the book: until they have looked, and have reached the store, ms. */
  untilPaid: (taken: Taken): number => (isQueued(taken) ? LATE_IN_DATABASE : 0),

  /** A `set` that a store takes after its client gave up may be seen for so long, until its removal follows, ms. */
  lateSet: ({ l2, l3 }: Taken): number =>
    Math.max(l2 === 'queued' ? LATE_IN_REDIS : 0, l3 === 'queued' ? LATE_IN_DATABASE : 0),
};

function isQueued({ l2, l3 }: Taken): boolean {
  return l2 === 'queued' || l3 === 'queued';
}
