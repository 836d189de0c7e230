/** What a validator must look like (standardschema.dev, version 1): Zod, Valibot, ArkType and others do. No dependency on any. */
import { CacheError } from './errors.js';

/**
 * A schema of any library that follows Standard Schema 1. It says yes or no: what it would make of a value is not used.
 *
 * @example
 * await cache.getOrSet(`user:${id}`, () => rows.load(id), { schema: z.object({ id: z.string(), name: z.string() }) });
 */
export interface StandardSchema {
  readonly '~standard': {
    readonly version: 1;
    readonly vendor: string;
    /** Without `issues` the value is right. Must be synchronous. */
    readonly validate: (value: unknown) => unknown;
  };
}

/** Whether something can be asked as a schema is; those of some libraries are functions. */
export function isSchema(value: unknown): value is StandardSchema {
  if ((typeof value !== 'object' && typeof value !== 'function') || value === null) return false;
  const standard = (value as Partial<StandardSchema>)['~standard'];
  return standard?.version === 1 && typeof standard.validate === 'function';
}

/**
 * Whether the schema takes the value. One that throws does not: it is asked about bytes that anybody may have written.
 *
 * @throws CacheError `CACHE_OPTION_INVALID` where it answers with a promise
 */
export function accepts(schema: StandardSchema, value: unknown): boolean {
  let result: unknown;
  try {
    result = schema['~standard'].validate(value);
  } catch {
    return false;
  }
  if (typeof result !== 'object' || result === null) return false;
  if ('then' in result) {
    // Nobody waits for it.
    Promise.resolve(result).catch(() => undefined);
    throw new CacheError(
      'CACHE_OPTION_INVALID',
      'schema validates asynchronously; give one that is synchronous',
    );
  }
  return !(result as { issues?: unknown }).issues;
}
