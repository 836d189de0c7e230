/** What a fresh hit in memory may cost: the functions it runs, each so often, and next to no byte. Whoever adds one sees it here. */
import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { beforeAll, describe, expect, it } from 'vitest';

interface Measured {
  /** Per hit. */
  readonly bytes: number;
  /** In 1,024 hits, by file and function. */
  readonly calls: Readonly<Record<string, number>>;
}
type Verb = 'peek' | 'get' | 'getOrSet' | '@Cached';

const SCRIPT = fileURLToPath(new URL('./measure.mjs', import.meta.url));
/** Room for what is counted, and code is compiled when it is due, not when there is a thread for it. */
const FLAGS = [
  '--expose-gc',
  '--min-semi-space-size=256',
  '--max-semi-space-size=256',
  '--no-concurrent-recompilation',
];
const VERBS: readonly Verb[] = ['peek', 'get', 'getOrSet', '@Cached'];
/** The smallest object takes 16; what is left is one hit in 1,024, which is measured. */
const NONE = 4;
/** Its arguments, as a list. */
const CACHED = 60;

async function measure(setting: string): Promise<Record<Verb, Measured>> {
  const { stdout } = await promisify(execFile)(process.execPath, [...FLAGS, SCRIPT, setting]);
  return JSON.parse(stdout) as Record<Verb, Measured>;
}

const lines = ({ calls }: Measured): string[] =>
  Object.entries(calls).map(([name, count]) => `${count} ${name}`);
const table = (measured: Measured): string => lines(measured).sort().join('\n');

/** What another setting runs beside that, and what it does not. */
function difference(from: Measured, to: Measured): string {
  const [before, after] = [lines(from), lines(to)];
  return [
    ...before.filter((line) => !after.includes(line)).map((line) => `- ${line}`),
    ...after.filter((line) => !before.includes(line)).map((line) => `+ ${line}`),
  ]
    .sort()
    .join('\n');
}

let plain: Record<Verb, Measured>;
beforeAll(async () => {
  plain = await measure('plain');
});

describe('in 1,024 hits', () => {
  it('peek runs these functions', () => {
    expect(table(plain.peek)).toMatchInlineSnapshot(`
      "1024 coherence/tag-clock get changes
      1024 core/clock coarse
      1024 manager/cache peek
      1024 manager/door enter
      1024 manager/home current
      1024 manager/transactions get bypassed
      1024 security/context get entered
      1024 tiers/memory/memory-tier #valid
      1024 tiers/memory/memory-tier hit
      1024 tiers/memory/memory-tier value
      1024 tiers/memory/s3-fifo hit
      1024 tiers/memory/table spanOf
      1024 tiers/memory/table used
      1024 tiers/memory/table value"
    `);
  });

  it('get runs these functions', () => {
    expect(table(plain.get)).toMatchInlineSnapshot(`
      "1 core/events has
      1 core/latency #turn
      1 core/latency placeOf
      1 core/latency record
      1 manager/cache #measure
      1024 coherence/tag-clock get changes
      1024 core/clock coarse
      1024 core/events get hearsHits
      1024 manager/cache #isMeasured
      1024 manager/cache get
      1024 manager/door enter
      1024 manager/home current
      1024 manager/transactions get bypassed
      1024 security/context get entered
      1024 tiers/memory/memory-tier #valid
      1024 tiers/memory/memory-tier hit
      1024 tiers/memory/memory-tier promise
      1024 tiers/memory/s3-fifo hit
      1024 tiers/memory/table promise
      1024 tiers/memory/table spanOf
      1024 tiers/memory/table used
      2 core/clock now"
    `);
  });

  it('getOrSet runs these functions beside those of get', () => {
    expect(difference(plain.get, plain.getOrSet)).toMatchInlineSnapshot(`
      "+ 1024 manager/cache #orLoad
      + 1024 manager/cache getOrSet
      + 1024 manager/read-verbs fromMemory
      + 1024 tiers/memory/memory-tier refreshDue
      + 1024 tiers/memory/table refreshDue
      - 1024 manager/cache get
      - 1024 manager/transactions get bypassed"
    `);
  });

  it('a @Cached method runs these functions beside those of getOrSet', () => {
    expect(difference(plain.getOrSet, plain['@Cached'])).toMatchInlineSnapshot(`
      "+ 1024 manager/cache orCall
      + 1024 nest/decorators/cached (anonymous)
      + 1024 nest/decorators/cached-plan (anonymous)
      + 1024 nest/decorators/wrap-method cacheOf
      + 1024 nest/decorators/wrap-method holderOf
      - 1024 manager/cache getOrSet"
    `);
  });
});

it('a hit allocates nothing, that of a @Cached method the list of its arguments', () => {
  expect(plain.peek.bytes).toBeLessThan(NONE);
  expect(plain.get.bytes).toBeLessThan(NONE);
  expect(plain.getOrSet.bytes).toBeLessThan(NONE);
  expect(plain['@Cached'].bytes).toBeLessThan(CACHED);
});

describe.each<[what: string, setting: string, more: (verb: Verb) => readonly string[]]>([
  [
    'with warming, telemetry that is listened to, and lru each moves its entry, and does nothing else',
    'warming, telemetry, lru',
    () => [
      '+ 1024 tiers/memory/lru #move',
      '+ 1024 tiers/memory/lru hit',
      '+ 1024 tiers/memory/rows push',
      '+ 1024 tiers/memory/rows remove',
      '- 1024 tiers/memory/s3-fifo hit',
    ],
  ],
  [
    'for a tenant’s user each finds out whose entries are meant, and does nothing else',
    'a tenant’s user',
    (verb) => [
      '+ 1024 manager/home #judged',
      '+ 1024 security/context asked',
      ...(verb === '@Cached' ? ['+ 1024 manager/cache scoped'] : []),
    ],
  ],
])('%s', (_what, setting, more) => {
  let measured: Record<Verb, Measured>;
  beforeAll(async () => {
    measured = await measure(setting);
  });

  it.each(VERBS)('%s', (verb) => {
    expect(difference(plain[verb], measured[verb])).toBe([...more(verb)].sort().join('\n'));
    expect(measured[verb].bytes).toBeLessThan(verb === '@Cached' ? CACHED : NONE);
  });
});
