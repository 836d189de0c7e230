/** The way of one instance to one store; it alone may be closed, or slow. */
export interface Way {
  closed: boolean;
  /** Times longer than others. */
  slow: number;
}
