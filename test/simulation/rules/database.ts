/** Rules of PostgreSQL: rows, tombstones, numbers, and the order among the tiers. */
import { ALL, DATABASE, type Rule } from './rule.js';

export const DATABASE_RULES: readonly Rule[] = [
  {
    name: 'a fill of PostgreSQL needs the row unchanged',
    file: DATABASE,
    find: 'return !old || old.ver <= row.seen;',
    replace: 'return true;',
    faults: [],
    tiers: 'l1+l3',
  },
  {
    name: 'a row is gone when a tag has a higher number',
    file: 'tiers/database/answers.ts',
    find: "if ((hard ?? 0) > n0) return 'hard';",
    replace: '',
    faults: [],
    tiers: 'l1+l3',
  },
  {
    name: 'a row keeps the number of before it was loaded',
    file: DATABASE,
    find: 'ver: Number(n0),',
    replace: 'ver: this.#data.last,',
    faults: [],
    tiers: 'l1+l3',
  },
  {
    name: 'an expired row is judged by the number it had',
    file: DATABASE,
    find: 'seen: old.seen < FENCE ? old.seen : FENCE - 1 - old.ver,',
    replace: 'seen: FENCE,',
    faults: [],
    tiers: 'l1+l3',
  },
  {
    name: 'a row of another timeline is none',
    file: DATABASE,
    find: 'row.tl === tl ? row.value : null]',
    replace: 'row.value]',
    faults: ['pg-failover'],
    tiers: 'l1+l3',
  },
  {
    name: 'a delete leaves a tombstone',
    file: DATABASE,
    find: 'for (const [name, row] of written) rows.set(name, row);',
    replace: 'for (const [name] of written) rows.delete(name);',
    faults: [],
    tiers: 'l1+l3',
  },
  {
    name: 'memory is dropped again after the tiers below',
    file: 'manager/write-path.ts',
    find: '    this.#local(here, false);\n    if (strict',
    replace: '    if (strict',
    // Soon it hears of its own change.
    faults: ['slow'],
    from: 3_850,
    tiers: 'l1+l3',
  },
  {
    name: 'PostgreSQL forgets before Redis does',
    file: 'manager/write-path.ts',
    find: "const third = l3 ? await l3.changes.apply(wanted('l3') ? change : rest, how) : 'off';",
    replace: `const early = await l2!.changes.apply(rest);
    const third = await l3!.changes.apply(wanted('l3') ? change : rest);
    if (early !== undefined) {
      this.#local(here, false);
      return receipt('ok', early, third);
    }`,
    faults: [],
    tiers: ALL,
  },
  {
    name: 'the lease is taken before PostgreSQL is read',
    file: 'manager/read-path.ts',
    find: 'const lease = l2 ? await leaseFor(flight, l2, this.parts) : WITHOUT;',
    replace: `const early = await l3!.read(address);
    l3!.read = async () => {
      Reflect.deleteProperty(l3!, 'read');
      return early;
    };
    const lease = l2 ? await leaseFor(flight, l2, this.parts) : WITHOUT;`,
    faults: [],
    tiers: ALL,
  },
  {
    name: 'a change announces itself where there is no Redis',
    file: 'tiers/database/writes.ts',
    find: 'if (quiet || !this.announcements)',
    replace: 'if (quiet || this.announcements)',
    faults: [],
    tiers: 'l1+l3',
  },
  {
    name: 'a change is announced with its commit, not before',
    file: DATABASE,
    find: 'const finish = begin(values.slice(0, -2), session);',
    replace: `const finish = begin(values.slice(0, -2), session);
        for (const message of values.at(-1) as readonly string[]) this.onNotify?.(message);
        if (this !== undefined) return finish;`,
    faults: [],
    from: 2_800,
    tiers: 'l1+l3',
  },
  {
    name: 'who listens anew forgets what it had in memory',
    file: 'tiers/database/notices.ts',
    find: '    this.events.lost();\n',
    replace: '',
    faults: ['pg-cut'],
    tiers: 'l1+l3',
  },
  {
    name: 'a late set does not overwrite what came after it',
    file: DATABASE,
    find: 'return !old || old.ver <= known || old.tl !== row.tl;',
    replace: 'return true;',
    faults: ['pg-freeze'],
    from: 7_590,
    tiers: 'l1+l3',
  },
];
