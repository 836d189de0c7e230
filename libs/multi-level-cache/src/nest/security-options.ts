/** Checks the option `security`. */
import type { SecurityOptions } from '../core/security-options.js';
import { readEncryption } from './encryption-options.js';
import { Section } from './faults.js';
import * as rules from './option-rules.js';

/** @param hasLower - there is an L2 or an L3. */
export function readSecurity(root: Section, hasLower: boolean): SecurityOptions {
  const given = root.given('security');
  const section = new Section(root.faults, given === false ? {} : (given ?? {}), 'security');
  const options: SecurityOptions = {
    tenancy: section.optional('tenancy', rules.TENANCY) ?? 'off',
    ...readEncryption(section, hasLower),
  };
  section.end();
  return options;
}
