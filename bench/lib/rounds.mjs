// Subjects in turn, round by round, so that what disturbs the machine disturbs all of them.

/**
 * Nothing counts for so long, ms of work of each subject: what has run for a moment only has not been compiled yet, least of all what is
 * long. A hit in memory has run some million times by then.
 */
const WARM_MS = 4_000;
const WARM_MEMORY_MS = 2_000;
/** Below memory a round is so many times as long. */
const BELOW = 2;
/** Of one trial, which are short: a machine that is slow for a moment must be slow for all of one round. */
const ROUNDS = 3;
/** A turn before or after which the processor was slower than this share of its best is taken again, so many times at most. */
const AT_PACE = 0.75;
const TRIES = 4;
const IN_MEMORY = ['oneByOne', 'synchronously', 'together'];

/**
 * Rates of several subjects at the same task: `{ ask, way, order, width?, cold?, operations? }`, that is which verb of the subject is
 * called in which way (loops.mjs) for keys in which order (data.mjs), with an empty memory each time or not. There are as many operations
 * as fill `slice` ms in three rounds, unless the task says how many in each; what a subject does in its first four seconds, two in memory, does
 * not count.
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
  const count = async ({ name, ask, task: own }) =>
    operations.set(
      name,
      own.operations ?? (await ask('countFor', { task: own, slice: length / ROUNDS })),
    );
  const run = ({ name, ask, task: own }) =>
    ask('run', { task: own, operations: operations.get(name) });
  for (const subject of able) {
    await count(subject);
    for (let spent = 0; spent < (quick ? 1 : warm); spent += (await run(subject)).ms);
    // It does more of them in a round, now that its code is compiled.
    await count(subject);
  }
  const rounds = quick || task.operations ? trials : ROUNDS * trials;
  // Every other round the other way about: nobody always comes first.
  for (let round = 0; round < rounds; round++)
    for (const subject of round % 2 === 0 ? able : able.toReversed()) {
      const { ms } = await atPace(() => run(subject), quick);
      subject.values.push((operations.get(subject.name) * 1_000) / ms);
    }
  const rows = subjects.map(({ name, kind, values }) => ({
    name,
    kind,
    ...(values.length > 0 && { values }),
  }));
  return { title, unit, better: 'more', ...more, rows };
}

/** A turn at the pace of the processor, or the best of some. Whose it is and how fast it was does not matter. */
export async function atPace(take, quick = false) {
  let taken = await take();
  for (let tries = 1; !quick && tries < TRIES && taken.pace < AT_PACE; tries++) {
    const again = await take();
    if (again.pace > taken.pace) taken = again;
  }
  return taken;
}

/** The first that the subject has, of one or several. */
const verbOf = (asked, verbs) => [asked].flat().find((verb) => verbs.includes(verb));
