/** One server the demo may run on, and the ways to come by it, tried in order. */

/** One server, or why there is none. */
export interface Found {
  /** For people: on the page, in the log and in health. */
  readonly says: string;
  readonly url?: string;
  /** It serves one connection at a time, and lends it by statement. */
  readonly single?: boolean;
  stop(): Promise<void>;
}

/** A way to come by a server; `undefined` = not on this machine. */
export type Source = () => Promise<Found | undefined>;

/** The first source that has one; one alone where `only` names it. */
export async function firstOf(
  what: string,
  sources: Readonly<Record<string, Source>>,
  only: string | undefined,
): Promise<Found> {
  const none = (why: string): Found => ({ says: `off (${why})`, stop: nothing });
  if (only === 'off') return none('as asked');
  if (only !== undefined && !(only in sources))
    throw new Error(`${what} can come from ${Object.keys(sources).join(', ')} or off, not ${only}`);
  for (const [name, source] of Object.entries(sources)) {
    if (only !== undefined && only !== name) continue;
    const found = await source().catch(() => undefined);
    if (found) return found;
  }
  return none(only === undefined ? `none of ${Object.keys(sources).join(', ')}` : `no ${only}`);
}

export async function nothing(): Promise<void> {
  // Nothing of ours runs.
}
