// What the soak has to reach, and what it has to say: a table, and the same as data.

/** Shares that must be reached. */
const TIERS = { l1: 0.9999, l2: 0.999, l3: 0.9995 };
const APP = 0.9995;
const HEAP_GROWTH = 5 * 1024 ** 2;

/** One line of the table: `{ what, figure, target, met }`. */
export function targets(done) {
  const { name, availability, tiers, heap, wrong, unhandled, gone, unpaid, down } = done;
  const none = (what, count) => ({ what, figure: String(count), target: '0', met: count === 0 });
  const share = (what, reached, least) => ({
    what,
    figure: percent(reached),
    target: `>= ${percent(least)}`,
    met: reached >= least,
  });
  const lines =
    name === 'calm'
      ? Object.entries(TIERS).map(([tier, least]) =>
          share(`${tier} reads answered within the budget`, tiers[tier].share, least),
        )
      : [share('requests answered correctly within the deadline', availability, APP)];
  lines.push(none('wrong values', wrong), none('unhandled rejections', unhandled));
  lines.push(none('processes that ended or still owe something', gone + unpaid));
  lines.push(none('tiers that are not up at the end', down.length));
  if (heap)
    lines.push({
      what: 'growth of the heap after warming up',
      figure: mib(heap.grown),
      target: `< ${mib(HEAP_GROWTH)}`,
      met: heap.grown < HEAP_GROWTH,
    });
  return lines;
}

export function table(lines) {
  const width = (of) => Math.max(...lines.map((one) => one[of].length));
  return lines
    .map(
      ({ what, figure, target, met }) =>
        `  ${what.padEnd(width('what'))}  ${figure.padStart(width('figure'))}  ${target.padEnd(width('target'))}  ${met ? 'met' : 'MISSED'}`,
    )
    .join('\n');
}

/** What the targets do not say. */
export function remarks({ requests, failed, late, longest, tiers, faults, verdict, log }) {
  const counts = new Map();
  for (const fault of faults) counts.set(fault, (counts.get(fault) ?? 0) + 1);
  const reads = Object.entries(tiers).map(
    ([tier, one]) =>
      `${tier} ${one.reads} (${one.late} late, ${one.reads - one.answered - one.late} not answered)`,
  );
  const stall = log.stalls.reduce((most, { start, end }) => Math.max(most, end - start), 0);
  return [
    ...(late > 0 ? [lateOnes(log)] : []),
    `${requests} requests, ${log.writes.length} of them writes; ${failed} failed, ${late} late, longest ${longest.toFixed(0)} ms, longest stall of a process ${stall.toFixed(0)} ms`,
    `reads of tiers: ${reads.join(', ')}`,
    `${verdict.reads} values judged: ${verdict.stale} older within the bound, the oldest by ${verdict.largest.toFixed(0)} ms; ${verdict.queued} older after a write that was told as queued`,
    ...(faults.length > 0
      ? [
          `${faults.length} faults: ${[...counts].map(([fault, count]) => `${count} ${fault}`).join(', ')}`,
        ]
      : []),
  ].map((line) => `  ${line}`);
}

/** What late requests have waited for: where their process got no processor, nobody could have answered them. */
function lateOnes({ lates, stalls }) {
  const stood = lates.filter((one) =>
    stalls.some(
      ({ process, start, end }) => process === one.process && start < one.end && end > one.start,
    ),
  );
  const by = new Map();
  for (const one of lates) {
    const name = one.kind === 'write' ? 'write' : `read from ${one.by}`;
    by.set(name, (by.get(name) ?? 0) + 1);
  }
  const names = [...by].map(([name, count]) => `${count} ${name}`).join(', ');
  return `late: ${names}; ${stood.length} of them while their process stood still`;
}

const FIGURES =
  'name seconds requests failed late wrong unhandled availability tiers heap faults unpaid gone down';

/** For a line of JSON: figures only. */
export function data(stretch) {
  const some = Object.fromEntries(FIGURES.split(' ').map((name) => [name, stretch[name]]));
  return { ...some, faults: stretch.faults.length };
}

const percent = (share) => `${(100 * share).toFixed(3)} %`;
const mib = (bytes) => `${(bytes / 1024 ** 2).toFixed(1)} MiB`;
