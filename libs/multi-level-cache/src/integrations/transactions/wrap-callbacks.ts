/** What a manager's `transaction()` runs, wrapped: by several caches of one process, each of which may leave in any order. */

type Run<M> = (manager: M) => unknown;
type Wrap<M> = (run: Run<M>) => Run<M>;

interface Owner {
  transaction(...args: unknown[]): Promise<unknown>;
}

interface Wrapped<M> {
  readonly wraps: Set<Wrap<M>>;
  readonly restore: () => void;
}

const WRAPPED = new WeakMap<object, Wrapped<never>>();

/** Returns how to take it off again; with the last one the manager is as it was. */
export function wrapCallbacks<M extends Owner>(manager: M, wrap: Wrap<M>): () => void {
  const { wraps, restore } =
    (WRAPPED.get(manager) as Wrapped<M> | undefined) ?? replaceTransaction(manager);
  wraps.add(wrap);
  return () => {
    if (wraps.delete(wrap) && wraps.size === 0) restore();
  };
}

function replaceTransaction<M extends Owner>(manager: M): Wrapped<M> {
  const wraps = new Set<Wrap<M>>();
  const begin = manager.transaction.bind(manager);
  const wrapped = (run: Run<M>): Run<M> => [...wraps].reduce((inner, wrap) => wrap(inner), run);
  // A property of its own before the one that its class has, unless somebody else has done the same.
  const before = Object.getOwnPropertyDescriptor(manager, 'transaction');
  manager.transaction = (...args) =>
    begin(...args.map((arg) => (typeof arg === 'function' ? wrapped(arg as Run<M>) : arg)));
  const restore = (): void => {
    WRAPPED.delete(manager);
    if (before) Object.defineProperty(manager, 'transaction', before);
    else delete (manager as Partial<Owner>).transaction;
  };
  const made = { wraps, restore };
  WRAPPED.set(manager, made as never);
  return made;
}
