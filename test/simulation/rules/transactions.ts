/** Rules of what commits with a transaction of the application's. */
import { ALL, type Rule } from './rule.js';

export const TRANSACTIONS_RULES: readonly Rule[] = [
  {
    name: 'what a transaction removes is written down with it',
    file: 'manager/transactions.ts',
    find: 'transaction.changes(), DUE_MS);',
    replace: '[], DUE_MS);',
    faults: ['half-committed'],
    tiers: ALL,
  },
  {
    name: 'any instance makes what a dead one has committed',
    file: 'manager/relay.ts',
    find: '      this.look();\n      this.start();',
    replace: '      this.start();',
    faults: ['half-committed'],
    tiers: ALL,
  },
];
