/** What an operator should know of the ways to the stores: whether anybody in between could read or write what is cached. */
import type { Advice } from '../core/inspection.js';
import type { DataSourceLike, L2Options, L3Options, ResolvedOptions } from '../core/options.js';

/** As far as the options tell. `verified`: TLS, and the certificate is looked at. */
type Tls = 'none' | 'unverified' | 'verified';

interface Way {
  readonly hosts: readonly string[];
  readonly tls: Tls;
}

type Settings = Readonly<Record<string, unknown>>;

/** One line each; no address is in it. */
export function adviceOnTransport({
  l2,
  l3,
}: Pick<ResolvedOptions, 'l2' | 'l3'>): readonly Advice[] {
  return [
    ...(l2 ? adviceOn('l2', 'Redis', wayToRedis(l2)) : []),
    ...(l3 ? adviceOn('l3', 'PostgreSQL', wayToPostgres(l3)) : []),
  ];
}

function adviceOn(about: 'l2' | 'l3', server: string, { hosts, tls }: Way): Advice[] {
  const told: Advice[] = [];
  // Node looks at no certificate then, whatever the options say.
  const unverified = tls === 'unverified' || process.env['NODE_TLS_REJECT_UNAUTHORIZED'] === '0';
  if (tls !== 'none' && unverified)
    told.push({
      about,
      code: 'tls-unverified',
      says:
        `${about}: the certificate of ${server} is not verified: whoever stands in between reads and writes what is cached; ` +
        'give its authority as ca instead of switching verification off',
    });
  if (tls === 'none' && !hosts.every(isOwn))
    told.push({
      about,
      code: 'tls-missing',
      says: `${about}: ${server} is on another machine and is not spoken to over TLS: whoever stands in between reads and writes what is cached`,
    });
  return told;
}

/** Of this machine; a path is a socket of it. */
function isOwn(host: string): boolean {
  return /^(localhost|127(\.\d{1,3}){3}|\[?::1\]?|)$/.test(host) || host.startsWith('/');
}

function wayToRedis(options: L2Options): Way {
  const { client, url, host, sentinels, cluster, tls } = options;
  if (client) return wayOfClient(client as unknown as Settings, tls);
  if (url !== undefined) {
    const { hostname, protocol } = new URL(url);
    return { hosts: [hostname], tls: tlsOf(tls || protocol === 'rediss:') };
  }
  const nodes = sentinels ?? cluster ?? [{ host: host ?? '' }];
  return { hosts: nodes.map((node) => node.host), tls: tlsOf(tls) };
}

/** The application's own ioredis client. */
function wayOfClient(client: Settings, tls: L2Options['tls']): Way {
  const options = settingsOf(client['options']);
  const nodes = [client['startupNodes'], options['sentinels']].find((list) => Array.isArray(list));
  const named = Array.isArray(nodes) ? (nodes as unknown[]).map(hostOf) : [hostOf(options)];
  const own = options['tls'] ?? settingsOf(options['redisOptions'])['tls'];
  return { hosts: named, tls: tlsOf(tls ?? own) };
}

function hostOf(node: unknown): string {
  if (typeof node === 'string') return URL.canParse(node) ? new URL(node).hostname : node;
  const { path, host } = settingsOf(node);
  return typeof path === 'string' ? path : typeof host === 'string' ? host : '';
}

function wayToPostgres({ url, dataSource }: L3Options): Way {
  return url === undefined ? wayOfDataSource(dataSource) : wayOfUrl(url);
}

function wayOfDataSource(dataSource: DataSourceLike | undefined): Way {
  const options = settingsOf(dataSource?.options);
  const { url, host, ssl } = { ...settingsOf(options['extra']), ...options };
  const way = typeof url === 'string' ? wayOfUrl(url) : undefined;
  const hosts = typeof host === 'string' ? [host] : (way?.hosts ?? ['']);
  return { hosts, tls: ssl === undefined ? (way?.tls ?? ofMode(undefined)) : tlsOf(ssl) };
}

/** As the package pg reads it. */
function wayOfUrl(url: string): Way {
  const { hostname, searchParams } = new URL(url);
  const hosts = [searchParams.get('host') ?? decodeURIComponent(hostname)];
  const mode = searchParams.get('sslmode') ?? undefined;
  if (searchParams.get('uselibpqcompat') === 'true') {
    const named = searchParams.has('sslrootcert') && mode === 'require';
    if (mode === 'prefer' || (mode === 'require' && !named)) return { hosts, tls: 'unverified' };
  }
  if (mode !== undefined) return { hosts, tls: ofMode(mode) };
  const asked = ['sslcert', 'sslkey', 'sslrootcert'].some((name) => searchParams.has(name));
  const ssl = searchParams.get('ssl');
  if (asked || ssl === 'true' || ssl === '1' || searchParams.get('sslnegotiation') === 'direct')
    return { hosts, tls: 'verified' };
  return { hosts, tls: ssl === null ? ofMode(undefined) : 'none' };
}

function ofMode(mode = process.env['PGSSLMODE']): Tls {
  if (mode === 'no-verify') return 'unverified';
  return mode !== undefined && /^(prefer|require|verify-ca|verify-full)$/.test(mode)
    ? 'verified'
    : 'none';
}

/** Of settings for Node's `tls.connect`: verified, unless they say otherwise. */
function tlsOf(given: unknown): Tls {
  if (!given) return 'none';
  return settingsOf(given)['rejectUnauthorized'] === false ? 'unverified' : 'verified';
}

function settingsOf(value: unknown): Settings {
  return typeof value === 'object' && value !== null ? (value as Settings) : {};
}
