/** Checks the option `security`. */
import type { SecurityOptions } from '../core/security-options.js';
import { Section } from './faults.js';
import * as rules from './option-rules.js';

export function readSecurity(root: Section): SecurityOptions {
  const given = root.given('security');
  const section = new Section(root.faults, given === false ? {} : (given ?? {}), 'security');
  const options: SecurityOptions = {
    tenancy: section.optional('tenancy', rules.TENANCY) ?? 'off',
  };
  section.end();
  return options;
}
