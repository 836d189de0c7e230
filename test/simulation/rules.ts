/** Every rule of the protocol that this simulation carries: without one of them, runs must go wrong. */
import { DATABASE_RULES } from './rules/database.js';
import { DEBTS_RULES } from './rules/debts.js';
import { GUARDS_RULES } from './rules/guards.js';
import { REDIS_RULES } from './rules/redis.js';
import { TRANSACTIONS_RULES } from './rules/transactions.js';
import type { Rule } from './rules/rule.js';

export type { Rule };

export const RULES: readonly Rule[] = [
  ...REDIS_RULES,
  ...DATABASE_RULES,
  ...DEBTS_RULES,
  ...GUARDS_RULES,
  ...TRANSACTIONS_RULES,
];
