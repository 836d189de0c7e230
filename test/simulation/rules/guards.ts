/** Rules of writes under guard. That memory keeps nothing which L3 has called guarded is tested on real servers: here the stream tells it too. */
import { ALL, DATABASE, STORE, type Rule } from './rule.js';

export const GUARDS_RULES: readonly Rule[] = [
  {
    name: 'a guard gives no lease',
    file: STORE,
    find: '    if (this.#guarded(guards)) return 2;\n',
    replace: '',
    faults: ['half-written'],
  },
  {
    name: 'a guard removes what Redis has',
    file: STORE,
    find: '    this.#data.values.delete(entry);\n    this.#data.values.delete(lease);\n    return 1;\n  }\n\n  /** The record ends',
    replace: '    return 1;\n  }\n\n  /** The record ends',
    faults: ['half-written'],
  },
  {
    name: 'who comes in asks what is being written',
    file: 'tiers/redis/link.ts',
    find: 'await recallGuards(',
    replace: 'if (false) await recallGuards(',
    faults: ['half-written'],
    from: 3_500,
  },
  {
    name: 'who comes in without Redis keeps nothing that PostgreSQL was not asked about',
    file: 'manager/read-path.ts',
    find: '|| unverified || unheard;',
    replace: '|| unverified;',
    faults: ['half-written'],
    tiers: 'l1+l3',
  },
  {
    name: 'a row that is written cannot be named by a fill',
    file: DATABASE,
    find: 'String(isGuarded(row, now) ? GUARDED_VERSION : row.ver),',
    replace: 'String(row.ver),',
    faults: ['half-written'],
    tiers: 'l1+l3',
  },
  {
    name: 'tags of a writer that is gone are bumped by others',
    file: 'manager/mutation.ts',
    find: 'await this.#book?.keep(this.#id, this.#tags, GUARD_MS);',
    replace: 'void this.#book;',
    faults: ['half-written'],
    tiers: ALL,
  },
  {
    name: 'the end of a write removes once more',
    file: 'manager/mutation.ts',
    find: "[{ kind: 'unguard', addresses, id: this.#id } as const] : [];",
    replace: '([] as never[]) : [];',
    faults: [],
  },
];
