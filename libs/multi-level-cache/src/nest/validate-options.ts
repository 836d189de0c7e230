/** From what an application wrote to what the parts need: checked, completed, every fault told at once. */
import type { L1Options, L2Options, L3Options, ResolvedOptions } from '../core/options.js';
import { Faults, Section, show } from './faults.js';
import * as rules from './option-rules.js';

const MINUTE = 60_000;
const HOUR = 3_600_000;

/**
 * Checks module options and fills in the defaults.
 *
 * @throws CacheError `CACHE_CONFIG_INVALID` with one line per fault; never shows a URL, a password or an object.
 */
export function validateOptions(given: unknown): ResolvedOptions {
  const faults = new Faults();
  const root = new Section(faults, given, '');
  const namespace = root.optional('namespace', rules.NAME);
  if (root.given('namespace') === undefined) {
    root.fault('namespace', 'left out', rules.NAME.allowed);
  }
  const l2 = tier(root, 'l2', false, readL2);
  const l3 = tier(root, 'l3', false, readL3);
  const hasLower = l2 !== false || l3 !== false;
  const l1 = tier(root, 'l1', true, (section) => readL1(section, hasLower));
  const defaults = readDefaults(root);
  root.notYet('profile', 'resilient');
  root.notYet('consistency', 'eventual');
  for (const name of ['warming', 'security', 'telemetry', 'placement']) root.notYet(name, false);
  root.notYet('groups');
  root.end();
  faults.throwIfAny('the options of MultiLevelCacheModule');
  return { namespace: namespace!, l1, l2, l3, defaults };
}

/** A tier is `false` or an object; left out, it is what `onByDefault` says. */
function tier<T>(
  root: Section,
  name: 'l1' | 'l2' | 'l3',
  onByDefault: boolean,
  read: (section: Section) => T,
): T | false {
  const given = root.given(name);
  if (given === false || (given === undefined && !onByDefault)) return false;
  if (
    given !== undefined &&
    (typeof given !== 'object' || given === null || Array.isArray(given))
  ) {
    root.fault(name, show(given, true), 'false or an object');
    return false;
  }
  const section = new Section(root.faults, given ?? {}, name);
  const options = read(section);
  section.end();
  return options;
}

function readL1(section: Section, hasLower: boolean): L1Options {
  section.notYet('eviction', 'lru');
  section.notYet('isolation', 'freeze');
  return {
    maxEntries: section.optional('maxEntries', rules.wholeNumber(1, 2 ** 24)) ?? 10_000,
    maxSize: section.optional('maxSize', rules.SIZE) ?? 64 * 1024 ** 2,
    ttl: section.optional('ttl', rules.POSITIVE_DURATION) ?? (hasLower ? MINUTE : undefined),
    keepStale: !hasLower,
  };
}

function readL2(section: Section): L2Options {
  for (const name of ['sentinels', 'name', 'cluster', 'client', 'credentials'])
    section.notYet(name);
  section.notYet('failover', 'warm');
  onlyOne(section, 'url', 'host');
  if (section.given('url') !== undefined && section.given('port') !== undefined) {
    section.fault('port', show(section.given('port')), 'with host only; a url holds its own');
  }
  return {
    url: section.optional('url', rules.url('redis:', 'rediss:')),
    host: section.optional('host', rules.SECRET_TEXT),
    port: section.optional('port', rules.wholeNumber(1, 65_535)),
    username: section.optional('username', rules.SECRET_TEXT),
    password: section.optional('password', rules.SECRET_TEXT),
    db: section.optional('db', rules.wholeNumber(0, 1_000_000)),
    tls: section.optional('tls', rules.TLS),
    ttl: section.optional('ttl', rules.POSITIVE_DURATION),
    budget: section.optional('budget', rules.POSITIVE_TIMER) ?? 20,
  };
}

function readL3(section: Section): L3Options {
  section.notYet('unlogged', false);
  section.notYet('poolerMode', false);
  section.notYet('maxSize');
  section.notYet('maxAge');
  onlyOne(section, 'url', 'dataSource');
  return {
    url: section.optional('url', rules.url('postgres:', 'postgresql:')),
    dataSource: section.optional('dataSource', rules.DATA_SOURCE),
    poolSize: section.optional('poolSize', rules.wholeNumber(1, 1_000)) ?? 4,
    schema: section.optional('schema', rules.IDENTIFIER_NAME) ?? 'mlcache',
    table: section.optional('table', rules.IDENTIFIER_NAME) ?? 'entry',
    migrate: section.optional('migrate', rules.BOOLEAN) ?? true,
    ttl: section.optional('ttl', rules.POSITIVE_DURATION),
    budget: section.optional('budget', rules.POSITIVE_TIMER) ?? 50,
  };
}

function readDefaults(root: Section): ResolvedOptions['defaults'] {
  const section = new Section(root.faults, root.given('defaults') ?? {}, 'defaults');
  section.notYet('jitter', 0);
  section.notYet('refreshAhead', 0);
  section.notYet('timeout');
  section.notYet('negativeTtl');
  section.notYet('consistency', 'eventual');
  const defaults = {
    ttl: section.optional('ttl', rules.DURATION) ?? 5 * MINUTE,
    grace: section.optional('grace', rules.DURATION) ?? HOUR,
    hardTimeout: section.optional('hardTimeout', rules.POSITIVE_TIMER) ?? 30_000,
    partitionTtl: section.optional('partitionTtl', rules.TIMER) ?? 30_000,
  };
  section.end();
  return defaults;
}

/** A tier is reached in exactly one of two ways. */
function onlyOne(section: Section, one: string, other: string): void {
  const both = [one, other].filter((name) => section.given(name) !== undefined);
  if (both.length === 1) return;
  const given = both.length === 0 ? 'left out' : `given next to ${other}`;
  section.fault(one, given, `exactly one of ${one} and ${other}`);
}
