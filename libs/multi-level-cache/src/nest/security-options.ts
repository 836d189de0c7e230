/** Checks the option `security`. */
import type { CachePolicy } from '../core/security.js';
import type { SecurityOptions } from '../core/security-options.js';
import { readAudit } from './audit-options.js';
import { Section, type Rule } from './faults.js';
import * as rules from './option-rules.js';

export function readSecurity(root: Section, hasL3: boolean): SecurityOptions {
  const given = root.given('security');
  const section = new Section(root.faults, given === false ? {} : (given ?? {}), 'security');
  const options: SecurityOptions = {
    tenancy: section.optional('tenancy', rules.TENANCY) ?? 'off',
    resolve: section.optional('resolve', RESOLVE),
    context: section.optional('context', CONTEXT),
    policy: section.optional('policy', POLICY),
    audit: readAudit(section, hasL3),
  };
  section.end();
  return options;
}

const RESOLVE: Rule<NonNullable<SecurityOptions['resolve']>> = functionThat(
  'makes a context of a request',
);
const CONTEXT: Rule<NonNullable<SecurityOptions['context']>> = functionThat('returns a context');

const POLICY: Rule<CachePolicy> = {
  read: (value) =>
    typeof (value as Partial<CachePolicy> | null)?.can === 'function'
      ? (value as CachePolicy)
      : undefined,
  allowed: 'an object with the method can',
};

function functionThat<T extends (...args: never[]) => unknown>(does: string): Rule<T> {
  return {
    read: (value) => (typeof value === 'function' ? (value as T) : undefined),
    allowed: `a function that ${does}`,
  };
}
