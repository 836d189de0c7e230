/**
 * Rules of what a store is owed: by this process, and by others in the other store. That the outbox is looked into once a second
 * is tested by itself: here what is owed is announced as well.
 */
import { ALL, type Rule } from './rule.js';

export const DEBTS_RULES: readonly Rule[] = [
  {
    name: 'what is owed is paid',
    file: 'manager/tier-changes.ts',
    find: 'if (this.#paying || this.#closed || this.#debts.size === 0) return;',
    replace: 'if (this.#debts.size >= 0) return;',
    faults: ['cut', 'freeze', 'down'],
  },
  {
    name: 'a key that is owed bypasses PostgreSQL',
    file: 'coherence/debts.ts',
    find: 'return this.#keys.has(address.name) || this.coversTags(address.scope.tenant, address.implied);',
    replace: '    return false;',
    faults: ['pg-down', 'pg-freeze'],
    from: 260,
    tiers: 'l1+l3',
  },
  {
    name: 'what was asked before a debt was paid counts for nothing',
    file: 'manager/tier-reading.ts',
    find: 'found !== undefined && reads.changes.paid === this.#paid',
    replace: 'found !== undefined',
    faults: ['pg-freeze'],
    from: 20_600,
    tiers: 'l1+l3',
  },
  {
    name: 'what PostgreSQL is owed is paid',
    file: 'manager/tier-changes.ts',
    find: 'if (this.#paying || this.#closed || this.#debts.size === 0) return;',
    replace: 'if (this.#debts.size >= 0) return;',
    faults: ['pg-cut', 'pg-freeze', 'pg-down'],
    tiers: 'l1+l3',
  },
  {
    name: 'what Redis has not taken is written into the outbox',
    file: 'manager/write-path.ts',
    find: "third === 'ok' && this.parts.l3!.changes.keep(nameOfDebt(), change);",
    replace: "third === 'ok';",
    faults: ['orphan'],
    tiers: ALL,
  },
  {
    name: 'what PostgreSQL has not taken is kept with the change in Redis',
    file: 'manager/write-path.ts',
    find: "const debt = third === 'queued' ? nameOfDebt() : undefined;",
    replace: 'const debt = undefined;',
    faults: ['orphan'],
    tiers: ALL,
  },
  {
    name: 'an announced debt is paid by everybody',
    file: 'manager/write-path.ts',
    find: 'owing?.changes.heard(debt, localChange(change, namespace, this.rules));',
    replace: 'void owing;',
    faults: ['orphan'],
    tiers: ALL,
  },
  {
    name: 'the book is read before a store that was away',
    file: 'manager/shared-debts.ts',
    find: '    this.#clean = !this.book;\n    return this.#look();',
    replace: '    this.#clean = true;\n    return this.#look();',
    faults: ['orphan'],
    tiers: ALL,
    from: 350,
  },
];
