/** The advisor: each thing once, in the log, in the list and in health, and nobody waits for a store that does not answer. */
import { Test } from '@nestjs/testing';
import { expect, it } from 'vitest';
import {
  CACHE_L2,
  CACHE_TIERS,
  CacheAdvisor,
  MultiLevelCacheModule,
  type Advice,
  type CacheModuleOptions,
  type Kept,
  type MasterKeys,
  type TenantKeyStore,
  type Tier,
  type TierListener,
  type TierState,
} from '../../src/index.js';
import { closeLater } from './boot.js';

const ADVICE: Advice = { about: 'l2', code: 'redis-unbounded', says: 'set maxmemory' };

/** Stores nothing, and is up or down as it is told. */
class Silent implements Tier {
  readonly name = 'l2';
  readonly asked: Kept[] = [];
  keys: Tier['keys'];
  #listener: TierListener | undefined;

  constructor(
    public state: TierState,
    readonly answer: (times: number) => Promise<readonly Advice[]>,
  ) {}

  open(listener: TierListener): Promise<void> {
    this.#listener = listener;
    return Promise.resolve();
  }

  become(state: TierState): void {
    this.state = state;
    this.#listener?.state(state);
  }

  advise(kept: Kept): Promise<readonly Advice[]> {
    this.asked.push(kept);
    return this.answer(this.asked.length);
  }

  close = (): Promise<void> => Promise.resolve();
  read = (): Promise<never> => Promise.reject(new Error('away'));
  ticket = (): { kind: 'none' } => ({ kind: 'none' });
  fill = (): boolean => false;
  apply = (): Promise<void> => Promise.resolve();
  status = () => ({ state: this.state, entries: 0, bytes: 0, evictions: 0, corrupt: 0 });
}

async function start(tier: Silent, more: Partial<CacheModuleOptions> = {}) {
  const lines: string[] = [];
  const note = (line: unknown): void => void lines.push(String(line));
  const module = await Test.createTestingModule({
    imports: [MultiLevelCacheModule.forRoot({ namespace: 'a', ...more })],
  })
    .overrideProvider(CACHE_L2)
    .useValue(tier)
    .setLogger({ log: note, warn: note, error: note })
    .compile();
  await closeLater(module).init();
  const told = (): string[] => lines.filter((line) => line.startsWith('cache.advice'));
  return { advisor: module.get(CacheAdvisor), module, told };
}

const answered = (advice: readonly Advice[]) => () => Promise.resolve(advice);
const LINE = 'cache.advice redis-unbounded: set maxmemory';

it('asks a tier that is up once, and logs one line for each kind', async () => {
  const tier = new Silent('up', answered([ADVICE, { ...ADVICE, says: 'again' }]));
  const { advisor, told } = await start(tier);
  await expect.poll(() => advisor.advice()).toEqual([ADVICE]);
  tier.become('down');
  tier.become('up');
  await Promise.resolve();
  expect(tier.asked).toEqual([{ secrets: false }]);
  expect(told()).toEqual([LINE]);
});

it('takes one code about two tiers for two kinds', async () => {
  const other: Advice = { ...ADVICE, about: 'l3' };
  const { advisor, told } = await start(new Silent('up', answered([ADVICE, other])));
  await expect.poll(() => advisor.advice()).toEqual([ADVICE, other]);
  expect(told()).toEqual([LINE, LINE]);
});

it('asks a tier that was down at boot when it has come up', async () => {
  const tier = new Silent('down', answered([ADVICE]));
  const { advisor, told } = await start(tier);
  expect([tier.asked, advisor.advice()]).toEqual([[], []]);
  tier.become('up');
  await expect.poll(told).toEqual([LINE]);
});

it('asks again where a tier went away while it was asked', async () => {
  const answer = (times: number): Promise<readonly Advice[]> =>
    times === 1 ? Promise.reject(new Error('away')) : Promise.resolve([ADVICE]);
  const tier = new Silent('up', answer);
  const { told } = await start(tier);
  tier.become('down');
  tier.become('up');
  await expect.poll(told).toEqual([LINE]);
  expect(tier.asked).toHaveLength(2);
});

it('does not wait for an answer, nor ask twice meanwhile', async () => {
  const tier = new Silent('up', () => new Promise(() => undefined));
  const { advisor } = await start(tier);
  tier.become('down');
  tier.become('up');
  expect([tier.asked.length, advisor.advice()]).toEqual([1, []]);
});

it('knows whether the secrets of tenants lie in a tier and nowhere else', async () => {
  const store: TenantKeyStore = {
    revision: () => Promise.resolve('0'),
    read: () => Promise.resolve({ now: 0, records: [] }),
    swap: () => Promise.resolve(true),
    tenants: () => Promise.resolve({ tenants: [], end: undefined }),
  };
  const masterKeys = (): MasterKeys => ({ current: 'a', keys: { a: Buffer.alloc(32, 1) } });
  const l2 = { url: 'redis://127.0.0.1:1' };
  const askedWith = async (more: Partial<CacheModuleOptions>): Promise<boolean> => {
    const tier = Object.assign(new Silent('up', answered([])), { keys: store });
    await start(tier, { l2, ...more });
    return tier.asked[0].secrets;
  };
  expect(await askedWith({ security: { encryption: { masterKeys } } })).toBe(true);
  expect(await askedWith({})).toBe(false);
  const elsewhere = { masterKeys, tenantKeys: store };
  expect(await askedWith({ security: { encryption: elsewhere } })).toBe(false);
  const l3 = { url: 'postgres://u@127.0.0.1:1/none' };
  expect(await askedWith({ l3, security: { encryption: { masterKeys } } })).toBe(false);
});

it('tells that nothing is cached where every tier is off', async () => {
  const module = await Test.createTestingModule({
    imports: [MultiLevelCacheModule.forRoot({ namespace: 'a' })],
  })
    .overrideProvider(CACHE_TIERS)
    .useValue([])
    .setLogger(false as never)
    .compile();
  await closeLater(module).init();
  expect(
    module
      .get(CacheAdvisor)
      .advice()
      .map(({ code }) => code),
  ).toEqual(['nothing-cached']);
});
