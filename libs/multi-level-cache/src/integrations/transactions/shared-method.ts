/** A method of somebody else's object, replaced once for all who want a part in it, each of whom may leave in any order. */

type Method = (...args: unknown[]) => Promise<unknown>;
type Owner = Readonly<Record<string, unknown>>;

interface Shared {
  readonly parts: Set<unknown>;
  readonly restore: () => void;
}

const SHARED = new WeakMap<object, Map<string, Shared>>();

/**
 * Adds `part` to those that the replacement works with; returns how to take it out again. With the last one the object is as it
 * was.
 *
 * @param replace - makes the method out of the one there was, the first time
 */
export function shareMethod<P>(
  owner: object,
  name: string,
  part: P,
  replace: (original: Method, parts: ReadonlySet<P>) => Method,
): () => void {
  const methods = SHARED.get(owner) ?? new Map<string, Shared>();
  SHARED.set(owner, methods);
  let shared = methods.get(name);
  if (!shared) {
    const parts = new Set<P>();
    // A property of its own before the one that its class has, unless somebody else has done the same.
    const before = Object.getOwnPropertyDescriptor(owner, name);
    const original = ((owner as Owner)[name] as Method).bind(owner);
    const value = replace(original, parts);
    Object.defineProperty(owner, name, { configurable: true, writable: true, value });
    const restore = (): void => {
      methods.delete(name);
      if (before) Object.defineProperty(owner, name, before);
      else delete (owner as Record<string, unknown>)[name];
    };
    methods.set(name, (shared = { parts, restore }));
  }
  const { parts, restore } = shared;
  parts.add(part);
  return () => {
    if (parts.delete(part) && parts.size === 0) restore();
  };
}
