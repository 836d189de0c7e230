// Decides after a run which reads were right: per key a register of versions, and how long an older one may still be read.

/**
 * A write is `{ verb, process, entries: [[key, version]], soft, queued, invoked, resolved, settled }`: the register had the
 * versions before `invoked`, the invalidation was done at `resolved`, and at `settled`, if ever, nothing of it was owed any more. A read is
 * `{ process, key, begin, version, by }`; `by` is who answered. Times are ms of one clock. A window is a time in which a
 * fault went on (`dark`: nobody reached Redis, `lossy`: a primary was lost), a stall one in which a process got no processor: while it stands still it can hear nothing.
 *
 * `rules`: `healthy` = ms another process may lag; `disturbed` = the same while a fault goes on and for `recovery` ms after
 * it; `strong` = nobody may lag, ever.
 */
export function judge({ reads, writes, windows, stalls = [] }, rules) {
  const registers = byKey(writes);
  const context = { windows, rules, stalls: byProcess(stalls) };
  const verdict = { reads: 0, stale: 0, largest: 0, queued: 0, largestQueued: 0, lost: 0 };
  const violations = [];
  for (const read of reads) {
    verdict.reads++;
    let worst;
    for (const write of newer(registers.get(read.key), read)) {
      const one = compare(read, write, context);
      if (one && (!worst || RANK[one.kind] > RANK[worst.kind] || one.age > worst.age)) worst = one;
    }
    if (!worst) continue;
    if (worst.kind === 'violation') violations.push({ read, ...worst });
    else if (worst.kind === 'lost') verdict.lost++;
    else if (worst.kind === 'queued') {
      verdict.queued++;
      verdict.largestQueued = Math.max(verdict.largestQueued, worst.age);
    } else {
      verdict.stale++;
      verdict.largest = Math.max(verdict.largest, worst.age);
    }
  }
  return { ...verdict, violations };
}

/** What is known to be allowed hides nothing that is not. */
const RANK = { stale: 0, queued: 1, lost: 2, violation: 3 };

const STORES = ['l2', 'l3'];
const TAGS = ['tag', 'soft tag'];

function byKey(writes) {
  const registers = new Map();
  for (const write of writes) {
    for (const [key, version] of write.entries) {
      if (!registers.has(key)) registers.set(key, []);
      registers.get(key)[version] = write;
    }
  }
  return registers;
}

/** Writes of versions above the one that was read, which were done when the read began. */
function* newer(register, { begin, version, by }) {
  for (let next = version + 1; register && next < register.length; next++) {
    const write = register[next];
    // What was only made stale may stand in while a loader fails or is late.
    if (!write || !(write.resolved <= begin) || (write.soft && by === 'stale')) continue;
    yield write;
  }
}

/** How one read stands to one write it has not seen. */
function compare(read, write, { windows, rules, stalls }) {
  const passed = read.begin - write.resolved;
  const age = passed - stalled(stalls.get(read.process) ?? [], write.resolved, read.begin);
  const found = (kind, bound) => ({ kind, age, bound, write });
  // An instance reads its own writes, whatever else is going on.
  if (rules.strong || read.process === write.process)
    return { kind: 'violation', age: passed, bound: 0, write };
  const window = windows.find((one) => covers(one, write.resolved, read.begin, rules));
  // A store that has taken a removal holds nothing older, whoever could not be told of it. A tag removes nothing: in Redis it is
  // judged by what the stream has told, and whether that is silent is known as late as for memory.
  const told = read.by === 'l2' && TAGS.includes(write.verb);
  const stored = STORES.includes(read.by) && !write.queued && !window?.lossy && !told;
  const bound = window && !stored ? rules.disturbed : rules.healthy;
  if (age <= bound) return found('stale', bound);
  // Where nobody can reach Redis and L3 knows of it, there is nothing old to be read but memory, which has its bound.
  const dark = window?.dark === true && write.l3 !== 'queued' && read.begin <= window.end;
  // Until its issuer has paid, others are not promised to hear of it.
  if (write.queued && !dark && !(read.begin > (write.settled ?? Infinity) + bound))
    return found('queued', bound);
  // Replication is asynchronous: what only the lost primary knew is gone with it.
  if (window?.lossy || windows.some((one) => one.lossy && during(one, write.resolved, rules)))
    return found('lost', bound);
  return found('violation', bound);
}

function byProcess(stalls) {
  const all = new Map();
  for (const one of stalls) all.set(one.process, [...(all.get(one.process) ?? []), one]);
  return all;
}

/** How much of this time the process stood still. */
function stalled(stalls, from, to) {
  return stalls.reduce(
    (sum, { start, end }) => sum + Math.max(Math.min(end, to) - Math.max(start, from), 0),
    0,
  );
}

/** Whether the fault may have kept the news of the write from the reader; what was told before it began may not come back. */
function covers(window, resolved, begin, rules) {
  return during(window, resolved, rules) && begin <= window.end + rules.recovery;
}

function during({ start, end }, resolved, { healthy, recovery }) {
  return resolved + healthy >= start && resolved <= end + recovery;
}
