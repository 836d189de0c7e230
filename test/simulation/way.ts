/** The way of one instance to one store; it alone may be closed. */
export interface Way {
  closed: boolean;
}
