/** What a policy of eviction is asked and told: which row is the next to go is its part, when one must go is the tier's. */

/** Rows in the order in which they are to go. */
export interface Eviction {
  /** An entry came into the row. */
  enter(row: number): void;
  /** The entry has answered. On the hot path. */
  hit(row: number): void;
  /** The entry goes, for whatever reason; it is still in the row. */
  leave(row: number): void;
  /** The row to go now, and it does; `NO_ROW` where none is left. */
  victim(): number;
}
