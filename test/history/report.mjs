// What a run has to say: one line, and the timeline of the first read that was wrong.

export function line({ name, log, windows, unpaid, verdict }) {
  const { reads, stale, largest, queued, largestQueued, lost, violations } = verdict;
  const parts = [
    `${reads + log.writes.length} operations`,
    `${reads} reads`,
    `${windows.length} faults`,
    `${stale} stale within the bound, largest ${largest.toFixed(1)} ms`,
    `${violations.length} violations`,
    `${queued} queued, largest ${largestQueued.toFixed(0)} ms`,
    ...(lost > 0 ? [`${lost} lost with a primary`] : []),
    ...(unpaid > 0 ? [`${unpaid} processes still owe something`] : []),
    `${log.loads.length} loads`,
    `longest stall ${log.stalls.reduce((most, { start, end }) => Math.max(most, end - start), 0).toFixed(0)} ms`,
    `${log.errors.length} errors${log.errors.length > 0 ? ` (${log.errors[0].text})` : ''}`,
  ];
  return `${name}: ${parts.join(', ')}`;
}

/** The violations by what they have in common. */
export function kinds({ verdict }) {
  const counts = new Map();
  for (const { read, write, age } of verdict.violations) {
    const whose = read.process === write.process ? 'own' : "another process's";
    const state = write.queued ? ' queued' : '';
    const name = `${read.verb} from ${read.by} of ${read.key.split(':')[0]} after ${whose}${state} ${write.verb}`;
    const { count = 0, largest = 0 } = counts.get(name) ?? {};
    counts.set(name, { count: count + 1, largest: Math.max(largest, age) });
  }
  return [...counts]
    .map(([name, { count, largest }]) => `  ${count} x ${name}, largest ${largest.toFixed(0)} ms`)
    .join('\n');
}

/** What happened to the key around the first violation, with times relative to the write that was not seen. */
export function timeline({ log, windows, verdict }) {
  const [{ read, write, age, bound }] = verdict.violations;
  const zero = write.resolved;
  const at = (time) => (time == null ? 'never' : (time - zero).toFixed(1));
  const from = write.invoked - 1_000;
  const near = (time) => time >= from && time <= read.end + 50;
  const of = (entries) => entries.find(([key]) => key === read.key)?.[1];
  const events = [
    ...log.writes
      .filter(({ entries, invoked, resolved }) => of(entries) && (near(invoked) || near(resolved)))
      .map((one) => ({
        time: one.invoked,
        text: `${one.verb} by ${one.process} of version ${of(one.entries)}, done at ${at(one.resolved)}, l2 ${one.l2}, l3 ${one.l3}, settled at ${at(one.settled)}`,
      })),
    ...log.loads
      .filter(({ key, begin, end }) => key === read.key && (near(begin) || near(end)))
      .map((one) => ({
        time: one.begin,
        text: `load by ${one.process} until ${at(one.end)} of version ${one.version}`,
      })),
    ...log.reads
      .filter(({ key, begin, process }) => {
        return key === read.key && near(begin) && process === read.process;
      })
      .slice(-20)
      .map((one) => ({
        time: one.begin,
        text: `${one.verb} by ${one.process} until ${at(one.end)}: version ${one.version} from ${one.by}`,
      })),
    ...log.tiers
      .filter((one) => near(one.at))
      .map((one) => ({ time: one.at, text: `${one.tier} is ${one.state} for ${one.process}` })),
    ...log.stalls
      .filter((one) => near(one.start) && one.process === read.process)
      .map((one) => ({
        time: one.start,
        text: `${one.process} stands still until ${at(one.end)}`,
      })),
    ...windows
      .filter(({ start, end }) => near(start) || near(end))
      .map(({ start, end }) => ({ time: start, text: `fault until ${at(end)}` })),
  ].toSorted((a, b) => a.time - b.time);
  return [
    `  ${read.verb}(${read.key}) by process ${read.process} got version ${read.version} from ${read.by}, ${age.toFixed(1)} ms after ` +
      `process ${write.process} was done with version ${of(write.entries)}; allowed: ${bound} ms`,
    ...events.map(({ time, text }) => `  ${at(time).padStart(9)}  ${text}`),
  ].join('\n');
}
