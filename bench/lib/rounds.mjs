// Subjects in turn, round by round, so that what disturbs the machine disturbs all of them.

/**
 * Nothing counts for so long, ms of work of each subject: what has run for a moment only has not been compiled yet, least of all what is
 * long. A hit in memory has run a million times by then.
 */
const WARM_MS = 4_000;
const WARM_MEMORY_MS = 1_000;
/** Below memory a round is so many times as long. */
const BELOW = 2;
const IN_MEMORY = ['oneByOne', 'synchronously', 'together'];

/**
 * Rates of several subjects at the same task: `{ ask, way, order, width?, cold?, operations? }`, that is which verb of the subject is
 * called in which way (loops.mjs) for keys in which order (data.mjs), with an empty memory each time or not. There are as many operations
 * as fill `slice` ms, unless the task says how many; what each does in its first four seconds, or first second in memory, does not count.
 *
 * @returns a table; a row has no figures where the subject cannot do it
 */
export async function compare({ title, opened, task, unit = 'ops/s', ...more }, context) {
  const { trials, slice, quick } = context;
  const subjects = opened.map((subject) => ({
    ...subject,
    task: { ...task, ask: verbOf(task.ask, subject.verbs) },
    values: [],
  }));
  const inMemory = IN_MEMORY.includes(task.way);
  const [warm, length] = inMemory ? [WARM_MEMORY_MS, slice] : [WARM_MS, BELOW * slice];
  const able = subjects.filter(({ task: own }) => own.ask !== undefined);
  const operations = new Map();
  for (const { name, ask, task: own } of able)
    operations.set(name, own.operations ?? (await ask('countFor', { task: own, slice: length })));
  const run = ({ name, ask, task: own }) =>
    ask('run', { task: own, operations: operations.get(name) });
  for (const subject of able)
    for (let spent = 0; spent < (quick ? 1 : warm); spent += await run(subject));
  // Every other round the other way about: nobody always comes first.
  for (let round = 0; round < trials; round++)
    for (const subject of round % 2 === 0 ? able : able.toReversed())
      subject.values.push((operations.get(subject.name) * 1_000) / (await run(subject)));
  const rows = subjects.map(({ name, kind, values }) => ({
    name,
    kind,
    ...(values.length > 0 && { values }),
  }));
  return { title, unit, better: 'more', ...more, rows };
}

/** The first that the subject has, of one or several. */
const verbOf = (asked, verbs) => [asked].flat().find((verb) => verbs.includes(verb));
