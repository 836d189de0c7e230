// Redis's own counters.

/** Calls and microseconds of each command since `CONFIG RESETSTAT`; those made by scripts are among them. */
export async function commandStats(admin) {
  const text = await admin.info('commandstats');
  const lines = text.matchAll(/^cmdstat_([\w|]+):calls=(\d+),usec=(\d+)/gm);
  return new Map(
    [...lines].map(([, name, calls, usec]) => [name, { calls: Number(calls), usec: Number(usec) }]),
  );
}

/** Nobody's question: how the counters are read, and the tail of the stream, which waits on a connection of its own. */
const ASIDE = /^(info|config|xread|client|ping|hello|auth|select|script)/;

/** How many commands came over the wire, where every script call runs `inner` commands by itself. */
export function commandsSent(stats, inner = {}) {
  const scripts = stats.get('evalsha')?.calls ?? 0;
  let sent = 0;
  for (const [name, { calls }] of stats)
    if (!ASIDE.test(name)) sent += calls - (inner[name] ?? 0) * scripts;
  return sent;
}
