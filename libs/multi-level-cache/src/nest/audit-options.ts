/** Checks the option `security.audit`. */
import type { AuditSink } from '../core/audit.js';
import type { AuditFile, AuditOptions } from '../core/audit-options.js';
import { Section, show, type Rule } from './faults.js';
import * as rules from './option-rules.js';

const DAY = 86_400_000;
/** The server keeps them as long in any case. */
const LEAST_RETENTION = DAY;

/** `undefined` = off. */
export function readAudit(security: Section, hasL3: boolean): AuditOptions | undefined {
  const given = security.given('audit');
  if (given === undefined || given === false) return undefined;
  if (typeof given !== 'object' || given === null || Array.isArray(given)) {
    security.fault('audit', show(given, true), 'false or an object');
    return undefined;
  }
  const section = new Section(security.faults, given, `${security.path}.audit`);
  for (const [name, rule] of [
    ['sink', SINK],
    ['key', KEY],
  ] as const)
    if (section.given(name) === undefined) section.fault(name, 'left out', rule.allowed);
  const options = {
    sink: section.optional('sink', SINK)!,
    key: section.optional('key', KEY)!,
    strict: section.optional('mode', rules.AUDIT_MODE) === 'strict',
    mutations: section.optional('mutations', rules.SHARE) ?? 1,
    reads: section.optional('reads', rules.SHARE) ?? 0,
    retention: section.optional('retention', RETENTION) ?? 90 * DAY,
    checkpoints: section.optional('checkpoints', PLACE),
  };
  section.end();
  if (options.sink === 'database' && !hasL3)
    section.fault('sink', "'database'", 'with l3 on, whose connection it uses; or a file');
  return options;
}

const PLACE: Rule<AuditFile | AuditSink> = {
  read: (value) => (isFile(value) || isSink(value) ? value : undefined),
  allowed: '{ file: path } or an object with the method write',
  secret: true,
};

const SINK: Rule<AuditOptions['sink']> = {
  read: (value) => (value === 'database' ? value : PLACE.read(value)),
  allowed: `'database', ${PLACE.allowed}`,
  secret: true,
};

/** A key itself in its place may have come from a file that everybody reads; it is not shown. */
const KEY: Rule<AuditOptions['key']> = rules.callback('returns at least 32 bytes');

const RETENTION: Rule<number> = {
  read: (value) => {
    const ms = rules.DURATION.read(value);
    return ms !== undefined && ms >= LEAST_RETENTION ? ms : undefined;
  },
  allowed: `'1d' or more, ${rules.DURATION.allowed}`,
};

function isFile(value: unknown): value is AuditFile {
  const names = typeof value === 'object' && value !== null ? Object.keys(value) : [];
  const { file } = (value ?? {}) as Partial<AuditFile>;
  return names.length === 1 && typeof file === 'string' && file !== '';
}

function isSink(value: unknown): value is AuditSink {
  return typeof (value as Partial<AuditSink> | null)?.write === 'function';
}
