/** Checks the option `security`. */
import type { CachePolicy } from '../core/security.js';
import type { QuotaOptions, SecurityOptions } from '../core/security-options.js';
import { readAudit } from './audit-options.js';
import { readBackplane } from './backplane-options.js';
import { Section, type Rule } from './faults.js';
import { readEncryption } from './encryption-options.js';
import * as rules from './option-rules.js';

/** @param lower - Which of the tiers below memory there are. */
export function readSecurity(
  root: Section,
  lower: { readonly l2: boolean; readonly l3: boolean },
): SecurityOptions {
  const given = root.given('security');
  const section = new Section(root.faults, given === false ? {} : (given ?? {}), 'security');
  const options: SecurityOptions = {
    tenancy: section.optional('tenancy', rules.TENANCY) ?? 'off',
    resolve: section.optional('resolve', RESOLVE),
    context: section.optional('context', CONTEXT),
    policy: section.optional('policy', POLICY),
    quotas: readQuotas(section),
    ...readEncryption(section, lower.l2 || lower.l3),
    audit: readAudit(section, lower.l3),
    backplane: readBackplane(section, lower.l2 || lower.l3),
  };
  section.end();
  return options;
}

function readQuotas(security: Section): QuotaOptions | undefined {
  const given = security.given('quotas');
  if (given === undefined) return undefined;
  const section = new Section(security.faults, given, 'security.quotas');
  const quotas = {
    l1: section.optional('l1', rules.SHARE),
    l3: section.optional('l3', rules.SIZE),
    loads: section.optional('loads', PER_SECOND),
  };
  section.end();
  return quotas;
}

const PER_SECOND: Rule<number> = {
  read: (value) =>
    typeof value === 'number' && value > 0 && Number.isFinite(value) ? value : undefined,
  allowed: 'a number above 0',
};

const RESOLVE: Rule<NonNullable<SecurityOptions['resolve']>> = rules.callback(
  'makes a context of a request',
);
const CONTEXT: Rule<NonNullable<SecurityOptions['context']>> = rules.callback('returns a context');

const POLICY: Rule<CachePolicy> = {
  read: (value) =>
    typeof (value as Partial<CachePolicy> | null)?.can === 'function'
      ? (value as CachePolicy)
      : undefined,
  allowed: 'an object with the method can',
};
