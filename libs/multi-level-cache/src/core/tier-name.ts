/** Names of the tiers: all that most words about them need. */

export type TierName = 'l1' | 'l2' | 'l3';
