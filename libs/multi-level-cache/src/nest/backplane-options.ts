/** Checks the option `security.backplane`. What it holds is never shown. */
import type { BackplaneConfig, BackplaneKeyProvider } from '../core/backplane-options.js';
import { Section, type Rule } from './faults.js';
import { callback } from './option-rules.js';

/** @param hasLower - there is an L2 or an L3. */
export function readBackplane(security: Section, hasLower: boolean): BackplaneConfig | undefined {
  const given = security.given('backplane');
  if (given === undefined || given === false) return undefined;
  if (!hasLower) security.fault('backplane', 'given', 'with l2 or l3 on');
  const section = new Section(security.faults, given, 'security.backplane');
  const key = section.optional('key', KEY);
  if (section.given('key') === undefined) section.fault('key', 'left out', KEY.allowed);
  section.end();
  // Without one there is a fault, and nothing is made of this.
  return { key: key! };
}

const KEY: Rule<BackplaneKeyProvider> = callback('returns a secret of at least 32 bytes');
