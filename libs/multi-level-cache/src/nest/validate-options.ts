/** From what an application wrote to what the parts need: checked, completed, every fault told at once. */
import type {
  CacheSettings,
  L1Options,
  L2Options,
  L3Options,
  ResolvedOptions,
} from '../core/options.js';
import { Faults, Section, show } from './faults.js';
import * as rules from './option-rules.js';
import { readSecurity } from './security-options.js';

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
  const profile = root.optional('profile', rules.PROFILE) ?? 'resilient';
  const defaults = readDefaults(root, PROFILES[profile]);
  const groups = root.optional('groups', rules.GROUPS) ?? [];
  if (defaults.consistency === 'strong' && !hasLower) {
    const [name, value] = profile === 'strict' ? ['profile', 'strict'] : ['consistency', 'strong'];
    root.fault(name, `'${value}'`, `with l2 or l3 on: there is no shared tier to ask`);
  }
  const placement = root.optional('placement', rules.PLACEMENT);
  root.notYet('telemetry', false);
  const security = readSecurity(root, { l2: l2 !== false, l3: l3 !== false });
  const warming = readWarming(root);
  root.end();
  faults.throwIfAny('the options of MultiLevelCacheModule');
  const quiet = root.given('consistency') === 'local';
  const second = l2 && quiet ? { ...l2, quiet } : l2;
  const third = l3 && quiet ? { ...l3, quiet } : l3;
  const tiers = { l1, l2: second, l3: third };
  const strict = profile === 'strict';
  const rest = { groups, warming, placement, security, strict };
  return { namespace: namespace!, ...tiers, defaults, ...rest };
}

/**
 * Checks the named caches of `forFeature` against what the application says.
 *
 * @throws CacheError `CACHE_CONFIG_INVALID` with one line per fault.
 */
export function validateFeatures(
  given: readonly unknown[],
  base: ResolvedOptions['defaults'],
): ReadonlyMap<string, CacheSettings> {
  const faults = new Faults();
  const caches = new Map<string, CacheSettings>();
  given.forEach((feature, index) => {
    const section = new Section(faults, feature, `forFeature[${index}]`);
    const name = section.optional('name', rules.NAME);
    if (section.given('name') === undefined) section.fault('name', 'left out', rules.NAME.allowed);
    const tiers = TIERS.filter((tier) => section.optional(tier, rules.FALSE) !== false);
    const defaults = readDefaults(section, base, true);
    section.end();
    if (name === undefined) return;
    if (caches.has(name)) section.fault('name', show(name), 'a name that is not declared twice');
    caches.set(name, { defaults, ...(tiers.length < TIERS.length ? { tiers } : {}) });
  });
  faults.throwIfAny('the options of MultiLevelCacheModule.forFeature');
  return caches;
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
  return {
    maxEntries: section.optional('maxEntries', rules.wholeNumber(1, 2 ** 24)) ?? 10_000,
    maxSize: section.optional('maxSize', rules.SIZE) ?? 64 * 1024 ** 2,
    ttl: section.optional('ttl', rules.POSITIVE_DURATION) ?? (hasLower ? MINUTE : undefined),
    eviction: section.optional('eviction', rules.EVICTION) ?? 's3-fifo',
    isolation: section.optional('isolation', rules.ISOLATION) ?? 'freeze',
    keepStale: !hasLower,
  };
}

/** Ways to a Redis. */
const WAYS = ['url', 'host', 'sentinels', 'cluster', 'client'] as const;

function readL2(section: Section): L2Options {
  onlyOne(section, ...WAYS);
  beside(section, 'port', 'host', 'a url holds its own');
  beside(section, 'name', 'sentinels', 'it is the name of their master');
  if (section.given('sentinels') !== undefined && section.given('name') === undefined)
    section.fault('name', 'left out', 'the name of the master, next to sentinels');
  return {
    url: section.optional('url', rules.url('redis:', 'rediss:')),
    host: section.optional('host', rules.SECRET_TEXT),
    port: section.optional('port', rules.wholeNumber(1, 65_535)),
    sentinels: section.optional('sentinels', rules.REDIS_NODES),
    name: section.optional('name', rules.SECRET_TEXT),
    cluster: section.optional('cluster', rules.REDIS_NODES),
    client: section.optional('client', rules.REDIS_CLIENT),
    credentials: section.optional('credentials', rules.CREDENTIALS),
    failover: section.optional('failover', rules.FAILOVER) ?? 'warm',
    username: section.optional('username', rules.SECRET_TEXT),
    password: section.optional('password', rules.SECRET_TEXT),
    db: section.optional('db', rules.wholeNumber(0, 1_000_000)),
    tls: section.optional('tls', rules.TLS),
    ttl: section.optional('ttl', rules.POSITIVE_DURATION),
    budget: section.optional('budget', rules.POSITIVE_TIMER) ?? 20,
  };
}

/** Where L3 keeps its tables. */
export function readPlace(section: Section): Pick<L3Options, 'schema' | 'table' | 'unlogged'> {
  return {
    schema: section.optional('schema', rules.IDENTIFIER_NAME) ?? 'mlcache',
    table: section.optional('table', rules.IDENTIFIER_NAME) ?? 'entry',
    unlogged: section.optional('unlogged', rules.BOOLEAN) ?? false,
  };
}

function readL3(section: Section): L3Options {
  onlyOne(section, 'url', 'dataSource');
  return {
    url: section.optional('url', rules.url('postgres:', 'postgresql:')),
    dataSource: section.optional('dataSource', rules.DATA_SOURCE),
    poolSize: section.optional('poolSize', rules.wholeNumber(1, 1_000)) ?? 4,
    ...readPlace(section),
    migrate: section.optional('migrate', rules.BOOLEAN) ?? true,
    poolerMode: section.optional('poolerMode', rules.BOOLEAN) ?? false,
    rowSecurity: section.optional('rowSecurity', rules.BOOLEAN) ?? false,
    listable: section.optional('listable', rules.BOOLEAN) ?? false,
    maxSize: section.optional('maxSize', rules.SIZE) ?? 1024 ** 3,
    maxAge: section.optional('maxAge', rules.MAX_AGE) ?? 30 * 24 * HOUR,
    ttl: section.optional('ttl', rules.POSITIVE_DURATION),
    budget: section.optional('budget', rules.POSITIVE_TIMER) ?? 50,
  };
}

type Defaults = ResolvedOptions['defaults'];

/** What is left out is as `base` says; `partitionTtl` is the application's alone. */
function readDefaults(root: Section, base: Defaults, named = false): Defaults {
  const section = new Section(
    root.faults,
    root.given('defaults') ?? {},
    `${root.path ? `${root.path}.` : ''}defaults`,
  );
  const common = named ? undefined : root.optional('consistency', rules.CONSISTENCY);
  const defaults: Defaults = {
    ttl: section.optional('ttl', rules.DURATION) ?? base.ttl,
    grace: section.optional('grace', rules.DURATION) ?? base.grace,
    timeout: section.optional('timeout', rules.TIMER) ?? base.timeout,
    hardTimeout: section.optional('hardTimeout', rules.POSITIVE_TIMER) ?? base.hardTimeout,
    negativeTtl: section.optional('negativeTtl', rules.DURATION) ?? base.negativeTtl,
    jitter: section.optional('jitter', rules.SHARE) ?? base.jitter,
    refreshAhead: section.optional('refreshAhead', rules.SHARE) ?? base.refreshAhead,
    consistency: section.optional('consistency', rules.CONSISTENCY) ?? common ?? base.consistency,
    partitionTtl: named
      ? base.partitionTtl
      : (section.optional('partitionTtl', rules.TIMER) ?? base.partitionTtl),
  };
  section.end();
  return defaults;
}

function readWarming(root: Section): ResolvedOptions['warming'] {
  const given = root.given('warming');
  if (given === undefined || given === false) return false;
  const section = new Section(root.faults, given, 'warming');
  const options = {
    interval: section.optional('interval', rules.POSITIVE_TIMER) ?? MINUTE,
    onBoot: section.optional('onBoot', rules.BOOLEAN) ?? true,
    keys: section.optional('keys', rules.wholeNumber(1, 5_000)) ?? 1_000,
    budget: section.optional('budget', rules.wholeNumber(0, 100_000)) ?? 100,
    share: section.optional('share', rules.SHARE) ?? 0.5,
    concurrency: section.optional('concurrency', rules.wholeNumber(1, 100)) ?? 1,
    predictor: section.optional('predictor', rules.PREDICTOR),
  };
  section.end();
  return options;
}

const TIERS = ['l1', 'l2', 'l3'] as const;
const RESILIENT: Defaults = {
  ttl: 5 * MINUTE,
  grace: HOUR,
  timeout: undefined,
  hardTimeout: 30_000,
  negativeTtl: undefined,
  jitter: 0.1,
  refreshAhead: 0,
  partitionTtl: 30_000,
};
const PROFILES: Readonly<Record<'resilient' | 'strict' | 'economy', Defaults>> = {
  resilient: RESILIENT,
  strict: {
    ...RESILIENT,
    grace: 0,
    hardTimeout: 10_000,
    partitionTtl: 0,
    consistency: 'strong',
  },
  economy: { ...RESILIENT, ttl: HOUR, grace: 24 * HOUR },
};

/** A tier is reached in exactly one of several ways. */
function onlyOne(section: Section, ...ways: readonly string[]): void {
  const [first, ...others] = ways.filter((name) => section.given(name) !== undefined);
  if (first !== undefined && others.length === 0) return;
  const given = first === undefined ? 'left out' : `given next to ${others.join(', ')}`;
  section.fault(first ?? ways[0], given, `exactly one of ${ways.join(', ')}`);
}

/** An option that means something only next to another. */
function beside(section: Section, name: string, other: string, why: string): void {
  const elsewhere = WAYS.some((way) => way !== other && section.given(way) !== undefined);
  if (elsewhere && section.given(name) !== undefined && section.given(other) === undefined)
    section.fault(name, 'given', `with ${other} only; ${why}`);
}
