// Subjects in turn, round by round, so that what disturbs the machine disturbs all of them.

/** Of a task that is over soon: what has run a few thousand times only has not been compiled yet. */
const WARM_ROUNDS = 8;

/**
 * Rates of several subjects at the same task: `{ ask, way, order, width?, cold?, operations? }`, that is which verb of the subject is
 * called in which way (loops.mjs) for keys in which order (data.mjs), with an empty memory each time or not. There are as many operations
 * as fill `slice` ms, unless the task says how many; the first round does not count, of a task that says how many the first few.
 *
 * @returns a table; a row has no figures where the subject cannot do it
 */
export async function compare({ title, opened, task, unit = 'ops/s', ...more }, context) {
  const { trials, slice, quick } = context;
  const warm = task.operations === undefined || quick ? 1 : WARM_ROUNDS;
  const subjects = opened.map((subject) => ({
    ...subject,
    task: { ...task, ask: verbOf(task.ask, subject.verbs) },
    values: [],
  }));
  const able = subjects.filter(({ task: own }) => own.ask !== undefined);
  const operations = new Map();
  for (const { name, ask, task: own } of able)
    operations.set(name, own.operations ?? (await ask('countFor', { task: own, slice })));
  // Every other round the other way about: nobody always comes first.
  for (let round = -warm; round < trials; round++)
    for (const { name, ask, task: own, values } of round % 2 === 0 ? able : able.toReversed()) {
      const ms = await ask('run', { task: own, operations: operations.get(name) });
      if (round >= 0) values.push((operations.get(name) * 1_000) / ms);
    }
  const rows = subjects.map(({ name, kind, values }) => ({
    name,
    kind,
    ...(values.length > 0 && { values }),
  }));
  return { title, unit, better: 'more', ...more, rows };
}

/** The first that the subject has, of one or several. */
const verbOf = (asked, verbs) => [asked].flat().find((verb) => verbs.includes(verb));
