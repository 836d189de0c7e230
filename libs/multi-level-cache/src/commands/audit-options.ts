/** What the command line of `mlcache-audit` says. */
import { parseArgs } from 'node:util';
import { parseDuration } from '../core/duration.js';

export const USAGE = `mlcache-audit verify (--database URL | --file PATH) [--key-file PATH] [--checkpoints PATH] [--schema mlcache] [--since 7d]
    checks every chain; exit code 0: all whole, 1: tampered with, 2: whole, and a process was killed, 3: not verified
mlcache-audit hash --namespace NAME [--cache default] [--tenant ID] [--key-file PATH]
    reads keys, one a line, and prints each with what stands for it in keyHmac
mlcache-audit tables [--schema mlcache]
    prints the statements that make the tables, for an application that may not

The key comes from --key-file, which may be given for each key that was in use, or from MLCACHE_AUDIT_KEY; never from an argument.
The password of --database may come from PGPASSWORD. --file and --checkpoints may be given more than once.
--since takes a time or a duration: chains that ended before are not missed.`;

export class UsageError extends Error {}

export interface AuditArguments {
  readonly command: string;
  readonly database: string | undefined;
  readonly files: readonly string[];
  readonly checkpoints: readonly string[];
  readonly keyFiles: readonly string[];
  readonly schema: string;
  /** Wall time. */
  readonly since: number | undefined;
  readonly namespace: string | undefined;
  readonly cache: string;
  readonly tenant: string | undefined;
}

/** @throws UsageError */
export function readArguments(argv: readonly string[], now: number): AuditArguments {
  const { values, positionals } = parsed(argv);
  const [command, ...others] = positionals;
  if (!command || others.length > 0) throw new UsageError('one command is needed');
  return {
    command,
    database: values.database,
    files: values.file ?? [],
    checkpoints: values.checkpoints ?? [],
    keyFiles: values['key-file'] ?? [],
    schema: values.schema ?? 'mlcache',
    since: values.since === undefined ? undefined : timeOf(values.since, now),
    namespace: values.namespace,
    cache: values.cache ?? 'default',
    tenant: values.tenant,
  };
}

function parsed(argv: readonly string[]) {
  const one = { type: 'string' } as const;
  const many = { type: 'string', multiple: true } as const;
  try {
    return parseArgs({
      args: [...argv],
      allowPositionals: true,
      options: {
        database: one,
        file: many,
        checkpoints: many,
        'key-file': many,
        schema: one,
        since: one,
        namespace: one,
        cache: one,
        tenant: one,
      },
    });
  } catch (error) {
    // Tells the name of an option and nothing that was given with it.
    throw new UsageError(error instanceof Error ? error.message : 'wrong arguments');
  }
}

function timeOf(text: string, now: number): number {
  const ms = parseDuration(text);
  const time = ms === undefined ? Date.parse(text) : now - ms;
  if (Number.isNaN(time)) throw new UsageError('--since takes a time or a duration such as 7d');
  return time;
}
