/** The tier's statements where row-level security keeps the rows of tenants apart, and the question whether it does. */
import { statements, type Names, type Statements } from './sql.js';

/** What looks after the rows of all tenants, as functions where row-level security keeps them apart. */
export function upkeepOf(n: Names): readonly {
  readonly statement: 'sweepEntries' | 'sweepTags' | 'evict' | 'measure';
  readonly name: string;
  readonly parameter: string;
  readonly returns: string;
  readonly body: string;
}[] {
  const { sweepEntries, sweepTags, evict, measure } = statements(n, false);
  const named = (suffix: string): string => `${n.entry.slice(0, -1)}_${suffix}"`;
  const [parameter, float] = ['int', 'float4'];
  return [
    {
      statement: 'sweepEntries',
      name: named('sweep'),
      parameter,
      returns: 'setof int',
      body: sweepEntries,
    },
    {
      statement: 'sweepTags',
      name: named('sweep_tags'),
      parameter,
      returns: 'void',
      body: sweepTags,
    },
    {
      statement: 'evict',
      name: named('evict'),
      parameter,
      returns: 'table (bytes float8)',
      body: evict,
    },
    {
      statement: 'measure',
      name: named('measure'),
      parameter: float,
      returns: 'table (rows float8, bytes float8)',
      body: measure,
    },
  ];
}

/** The same statements where rows of other tenants cannot be reached. */
export function walled(n: Names, base: Statements): Statements {
  const calls = upkeepOf(n).map(({ statement, name }) => [statement, `select * from ${name}($1)`]);
  return { ...base, ...Object.fromEntries(calls) } as Statements;
}

/** Whether both tables keep this user from rows it may not see: neither a superuser, nor an owner, nor exempted. */
export const isWalled = ({ entry, tag }: Names): string => `
  select bool_and(row_security_active(c.oid) and c.relforcerowsecurity and not pg_has_role(c.relowner, 'usage')) as walled
  from pg_class c where c.oid in ('${entry}'::regclass, '${tag}'::regclass)`;
