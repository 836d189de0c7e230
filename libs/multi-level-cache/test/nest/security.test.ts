/** Security in a Nest application: who a request is made for, whose decorated entries are, who may do what. */
import {
  Controller,
  Get,
  Inject,
  Injectable,
  Module,
  UseGuards,
  type CanActivate,
  type INestApplication,
  type Type,
} from '@nestjs/common';
import { ExpressAdapter } from '@nestjs/platform-express';
import { FastifyAdapter, type NestFastifyApplication } from '@nestjs/platform-fastify';
import { ModuleRef } from '@nestjs/core';
import { Test } from '@nestjs/testing';
import { ClsModule, ClsService } from 'nestjs-cls';
import request from 'supertest';
import { afterEach, describe, expect, it } from 'vitest';
import {
  CACHE_POLICY,
  CACHE_SECURITY_CONTEXT,
  Cached,
  CacheEvict,
  CacheManager,
  CachePut,
  MultiLevelCacheModule,
  PermissionPolicy,
  type CurrentContext,
  type SecurityConfig,
} from '../../src/index.js';

const open: { close(): Promise<void> }[] = [];
afterEach(async () => {
  await Promise.all(open.splice(0).map((app) => app.close()));
});

const cacheOf = (security: SecurityConfig) =>
  MultiLevelCacheModule.forRoot({ namespace: 'app', security });

interface IncomingLike {
  readonly headers: Readonly<Record<string, string | undefined>>;
}

/** As behind a proxy that has checked who it is. */
function whoIs({ headers }: IncomingLike) {
  const { 'x-tenant': tenantId, 'x-user': subjectId } = headers;
  if (tenantId === 'broken') throw new Error('no such tenant');
  return tenantId === undefined ? undefined : { tenantId, ...(subjectId && { subjectId }) };
}

@Injectable()
class Orders {
  loads = 0;

  constructor(@Inject(CACHE_SECURITY_CONTEXT) readonly caller: CurrentContext) {}

  @Cached({ key: 'count', scope: 'tenant' })
  async count(): Promise<string> {
    this.loads++;
    return `orders of ${this.caller.current()?.tenantId}`;
  }

  @Cached({ key: 'own', scope: 'user' })
  async own(): Promise<string> {
    this.loads++;
    return `orders of ${this.caller.current()?.subjectId}`;
  }

  /** Leaks, if it were kept: its result is the caller's own. */
  @Cached({ key: 'mistaken', scope: 'tenant' })
  async mistaken(): Promise<string> {
    this.loads++;
    return `orders of ${this.caller.current()?.subjectId}`;
  }

  @CacheEvict({ keys: 'own', scope: 'user' })
  async forget(): Promise<void> {}

  @CachePut({ key: 'own', scope: 'user' })
  async put(): Promise<string> {
    return 'put';
  }
}

@Injectable()
class Sees implements CanActivate {
  constructor(@Inject(CACHE_SECURITY_CONTEXT) private readonly caller: CurrentContext) {}

  canActivate(): boolean {
    return this.caller.current()?.tenantId !== 'locked';
  }
}

@Controller()
@UseGuards(Sees)
class Api {
  constructor(@Inject(Orders) readonly orders: Orders) {}

  @Get('count')
  count(): Promise<string> {
    return this.orders.count();
  }

  @Get('own')
  own(): Promise<string> {
    return this.orders.own();
  }
}

const ADAPTERS: Readonly<Record<string, () => ExpressAdapter | FastifyAdapter>> = {
  Express: () => new ExpressAdapter(),
  Fastify: () => new FastifyAdapter(),
};

async function serve(
  security: SecurityConfig,
  adapter = ADAPTERS['Express'],
  imports: Type[] = [],
): Promise<INestApplication> {
  const module = await Test.createTestingModule({
    imports: [cacheOf(security), ...imports],
    controllers: [Api],
    providers: [Orders, Sees],
  })
    .setLogger({ log: () => undefined, warn: () => undefined, error: () => undefined })
    .compile();
  const app = module.createNestApplication(adapter());
  app.setGlobalPrefix('api');
  open.push(app);
  await app.init();
  if (adapter === ADAPTERS['Fastify'])
    await (app as NestFastifyApplication).getHttpAdapter().getInstance().ready();
  return app;
}

describe.each(Object.keys(ADAPTERS))('on %s', (name) => {
  it('each request runs in the context that was made of it, guards included', async () => {
    const app = await serve({ tenancy: 'required', resolve: whoIs }, ADAPTERS[name]);
    const get = (path: string, headers: Record<string, string>) =>
      request(app.getHttpServer()).get(`/api/${path}`).set(headers);
    const [a, b, again] = await Promise.all([
      get('count', { 'x-tenant': 'a' }),
      get('count', { 'x-tenant': 'b' }),
      get('count', { 'x-tenant': 'a' }),
    ]);
    expect([a.text, b.text, again.text]).toEqual(['orders of a', 'orders of b', 'orders of a']);
    const users = await Promise.all(
      ['ann', 'bob'].map((user) => get('own', { 'x-tenant': 'a', 'x-user': user })),
    );
    expect(users.map(({ text }) => text)).toEqual(['orders of ann', 'orders of bob']);
    expect((await get('count', { 'x-tenant': 'locked' })).status).toBe(403);
    expect((await get('count', {})).status).toBe(500);
    expect((await get('count', { 'x-tenant': 'broken' })).status).toBe(500);
    // A header that is no name of anybody.
    expect((await get('own', { 'x-tenant': 'a' })).status).toBe(500);
  });

  it('a context that comes a moment later is waited for', async () => {
    const resolve = async (given: IncomingLike) => {
      await new Promise((done) => setTimeout(done, 5));
      return whoIs(given);
    };
    const app = await serve({ tenancy: 'required', resolve }, ADAPTERS[name]);
    const answer = await request(app.getHttpServer()).get('/api/count').set('x-tenant', 'a');
    expect(answer.text).toBe('orders of a');
  });
});

describe('nestjs-cls', () => {
  it('may carry the context', async () => {
    @Module({
      imports: [
        ClsModule.forRoot({
          global: true,
          middleware: {
            mount: true,
            setup: (cls: ClsService, given: IncomingLike) => cls.set('who', whoIs(given)),
          },
        }),
        MultiLevelCacheModule.forRootAsync({
          inject: [ClsService],
          useFactory: (cls: ClsService) => ({
            namespace: 'app',
            security: { tenancy: 'required' as const, context: () => cls.get('who') },
          }),
        }),
      ],
      controllers: [Api],
      providers: [Orders, Sees],
    })
    class App {}
    const module = await Test.createTestingModule({ imports: [App] }).compile();
    const app = module.createNestApplication({ logger: false });
    open.push(app);
    await app.init();
    const get = (tenant: string) =>
      request(app.getHttpServer()).get('/count').set('x-tenant', tenant);
    expect([(await get('a')).text, (await get('b')).text]).toEqual(['orders of a', 'orders of b']);
  });
});

async function start(security: SecurityConfig, providers: Type[] = [Orders]) {
  const module = await Test.createTestingModule({ imports: [cacheOf(security)], providers })
    .setLogger({ log: () => undefined, warn: () => undefined, error: () => undefined })
    .compile();
  open.push(module);
  await module.init();
  return module;
}

describe('a decorated method', () => {
  it('means the entries of its scope', async () => {
    const module = await start({ tenancy: 'required' });
    const [cache, orders] = [module.get(CacheManager), module.get(Orders)];
    const as = <T>(subjectId: string, work: () => T): T =>
      cache.runAs({ tenantId: 'a', subjectId }, work);
    expect([await as('ann', () => orders.own()), await as('bob', () => orders.own())]).toEqual([
      'orders of ann',
      'orders of bob',
    ]);
    await as('ann', () => orders.forget());
    await as('ann', () => orders.own());
    expect(orders.loads).toBe(3);
    await as('ann', () => orders.put());
    expect([await as('ann', () => orders.own()), await as('bob', () => orders.own())]).toEqual([
      'put',
      'orders of bob',
    ]);
  });

  it('that makes a result of its caller for all of a tenant is refused, and nothing is kept', async () => {
    const module = await start({ tenancy: 'required' });
    const [cache, orders] = [module.get(CacheManager), module.get(Orders)];
    for (const subjectId of ['ann', 'bob'])
      await expect(
        cache.runAs({ tenantId: 'a', subjectId }, () => orders.mistaken()),
      ).rejects.toMatchObject({ code: 'CACHE_SCOPE_VIOLATION' });
    expect(cache.runAs({ tenantId: 'a' }, () => cache.peek('mistaken'))).toBeUndefined();
    expect(orders.loads).toBe(2);
  });

  it('has to say its scope where tenants are told apart: all that do not are named at boot', async () => {
    @Injectable()
    class Silent {
      @Cached()
      async one(): Promise<number> {
        return 1;
      }

      @CacheEvict({ keys: 'a' })
      async two(): Promise<void> {}

      @CachePut({ key: 'a' })
      async three(): Promise<number> {
        return 3;
      }
    }
    for (const tenancy of ['optional', 'required'] as const)
      await expect(start({ tenancy }, [Silent])).rejects.toThrow(
        /CACHE_CONFIG_INVALID.*Silent#one.*Silent#two.*Silent#three/,
      );
    await start({ tenancy: 'off' }, [Silent]);
  });
});

it('a decorated method of an instance made after boot has to say its scope as well', async () => {
  @Injectable()
  class Late {
    @Cached()
    async one(): Promise<number> {
      return 1;
    }
  }
  const module = await start({ tenancy: 'required' });
  const late = await module.get(ModuleRef).create(Late);
  const cache = module.get(CacheManager);
  await expect(cache.runAs({ tenantId: 'a' }, () => late.one())).rejects.toThrow(/Late#one/);
});

it('a context of the application that changes is looked at anew', async () => {
  const who = { tenantId: 'a' };
  const module = await start({ tenancy: 'required', context: () => who });
  const [cache, orders] = [module.get(CacheManager), module.get(Orders)];
  expect(await orders.count()).toBe('orders of a');
  who.tenantId = 'b';
  expect(await orders.count()).toBe('orders of b');
  expect(cache.peek('count')).toBe('orders of b');
});

describe('PermissionPolicy', () => {
  it.each([
    [['cache:read:*'], 'read', true],
    [['cache:read:default'], 'read', true],
    [['cache:read:def*'], 'read', true],
    [['cache:*'], 'clear', true],
    [['cache:read:other'], 'read', false],
    [['cache:read:default2'], 'read', false],
    [['cache:write:*'], 'read', false],
    [['read:default'], 'read', false],
    [['*'], 'read', false],
    [[], 'read', false],
    [undefined, 'read', false],
  ] as const)('with %j: may %s? %s', (permissions, action, may) => {
    const context = permissions ? { permissions } : {};
    expect(new PermissionPolicy().can(context, action, 'default')).toBe(may);
  });

  it('answers each for itself, however they take turns', () => {
    const policy = new PermissionPolicy();
    const [reader, writer] = ['read', 'write'].map((action) => ({
      permissions: [`cache:${action}:default`],
    }));
    for (let times = 0; times < 2; times++) {
      expect(policy.can(reader, 'read', 'default')).toBe(true);
      expect(policy.can(reader, 'read', 'other')).toBe(false);
      expect(policy.can(reader, 'write', 'default')).toBe(false);
      expect(policy.can(writer, 'write', 'default')).toBe(true);
      expect(policy.can(reader, 'write', 'default')).toBe(false);
      expect(policy.can(writer, 'read', 'default')).toBe(false);
    }
  });

  it('decides for every verb, and a policy that throws denies', async () => {
    const module = await start({ tenancy: 'required', policy: new PermissionPolicy() });
    const cache = module.get(CacheManager);
    const reader = { tenantId: 'a', permissions: ['cache:read:*'] };
    expect(await cache.runAs(reader, () => cache.get('k'))).toBeUndefined();
    await expect(cache.runAs(reader, () => cache.set('k', 1))).rejects.toMatchObject({
      code: 'CACHE_ACCESS_DENIED',
    });
    expect(cache.stats().security.denied).toBe(1);
  });

  it('a promise is no yes', async () => {
    const policy = { can: async () => true } as never;
    const module = await start({ policy });
    await expect(module.get(CacheManager).get('k')).rejects.toMatchObject({
      code: 'CACHE_ACCESS_DENIED',
    });
  });

  it('is replaced by what a test puts in its place', async () => {
    const module = await Test.createTestingModule({
      imports: [cacheOf({ policy: new PermissionPolicy() })],
    })
      .overrideProvider(CACHE_POLICY)
      .useValue({
        can: () => {
          throw new Error('away');
        },
      })
      .compile();
    open.push(module);
    await module.init();
    const cache = module.get(CacheManager);
    await expect(cache.get('k')).rejects.toMatchObject({ code: 'CACHE_ACCESS_DENIED' });
    expect(() => cache.peek('k')).toThrow('CACHE_ACCESS_DENIED');
  });
});
