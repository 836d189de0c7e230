/** `@Cached` in every place Nest can put a class: the cases that a caching decorator gets wrong. */
import {
  Controller,
  forwardRef,
  Get,
  Inject,
  Injectable,
  Module,
  Param,
  Scope,
  SetMetadata,
  UseGuards,
  UseInterceptors,
  type CallHandler,
  type CanActivate,
  type ExecutionContext,
  type INestApplication,
  type NestInterceptor,
  type OnModuleInit,
} from '@nestjs/common';
import { ContextIdFactory, LazyModuleLoader, ModuleRef, Reflector } from '@nestjs/core';
import { ApiOperation, DocumentBuilder, SwaggerModule } from '@nestjs/swagger';
import { Test } from '@nestjs/testing';
import { OtelMethodCounter, OpenTelemetryModule, Span, Traceable } from 'nestjs-otel';
import { map, type Observable } from 'rxjs';
import request from 'supertest';
import { describe, expect, it } from 'vitest';
import { Cached, CacheManager, MultiLevelCacheModule } from '../../src/index.js';
import { boot, closeLater } from './boot.js';

/** A method that says how often it ran. */
@Injectable()
class Counter {
  runs = 0;
  readonly #secret = 'private';

  @Cached()
  async count(id: string): Promise<string> {
    this.runs++;
    return `${id}:${this.#secret}:${this.runs}`;
  }

  async twice(id: string): Promise<string[]> {
    return [await this.count(id), await this.count(id)];
  }
}

describe('@Cached', () => {
  it('caches on a plain provider, per argument', async () => {
    const { module } = await boot({ providers: [Counter] });
    const counter = module.get(Counter);
    expect(await counter.count('a')).toBe('a:private:1');
    expect(await counter.count('a')).toBe('a:private:1');
    expect(await counter.count('b')).toBe('b:private:2');
  });

  it('runs a method once for calls at the same time', async () => {
    const { module } = await boot({ providers: [Counter] });
    const counter = module.get(Counter);
    await Promise.all(Array.from({ length: 20 }, () => counter.count('a')));
    expect(counter.runs).toBe(1);
  });

  it('caches self-invocation', async () => {
    const { module } = await boot({ providers: [Counter] });
    expect(await module.get(Counter).twice('a')).toEqual(['a:private:1', 'a:private:1']);
  });

  it('caches methods of a class with #private fields', async () => {
    const { module } = await boot({ providers: [Counter] });
    expect(await module.get(Counter).count('x')).toContain('private');
  });

  it('caches a method named by a symbol', async () => {
    const find = Symbol('find');
    @Injectable()
    class BySymbol {
      runs = 0;

      @Cached()
      async [find](): Promise<number> {
        return ++this.runs;
      }
    }
    const { module } = await boot({ providers: [BySymbol] });
    expect([await module.get(BySymbol)[find](), await module.get(BySymbol)[find]()]).toEqual([
      1, 1,
    ]);
  });

  it('caches an inherited method, each heir for itself', async () => {
    abstract class Rows {
      abstract readonly table: string;

      @Cached()
      async find(id: number): Promise<string> {
        return `${this.table}:${id}`;
      }
    }
    @Injectable()
    class Users extends Rows {
      readonly table = 'users';
    }
    @Injectable()
    class Orders extends Rows {
      readonly table = 'orders';
    }
    const { module } = await boot({ providers: [Users, Orders] });
    expect(await module.get(Users).find(1)).toBe('users:1');
    expect(await module.get(Orders).find(1)).toBe('orders:1');
    expect(module.get(CacheManager).stats().tiers.l1.entries).toBe(2);
  });

  it('caches where heir and base are both decorated', async () => {
    class Base {
      baseRuns = 0;

      @Cached()
      async one(): Promise<number> {
        return ++this.baseRuns;
      }
    }
    @Injectable()
    class Heir extends Base {
      heirRuns = 0;

      @Cached()
      async two(): Promise<number> {
        return ++this.heirRuns;
      }
    }
    const { module } = await boot({ providers: [Heir] });
    const heir = module.get(Heir);
    expect([await heir.one(), await heir.one(), await heir.two(), await heir.two()]).toEqual([
      1, 1, 1, 1,
    ]);
  });

  it('caches an override that calls super, and what it calls', async () => {
    class Base {
      baseRuns = 0;

      @Cached()
      async find(id: string): Promise<string> {
        return `${id}${++this.baseRuns}`;
      }
    }
    @Injectable()
    class Override extends Base {
      runs = 0;

      @Cached()
      override async find(id: string): Promise<string> {
        return `${await super.find(id)}/${++this.runs}`;
      }
    }
    const { module } = await boot({ providers: [Override] });
    expect(await module.get(Override).find('a')).toBe('a1/1');
    expect(await module.get(Override).find('a')).toBe('a1/1');
  });

  it('caches on a request-scoped provider', async () => {
    let runs = 0;
    @Injectable({ scope: Scope.REQUEST })
    class PerRequest {
      @Cached()
      async find(): Promise<number> {
        return ++runs;
      }
    }
    const { module } = await boot({ providers: [PerRequest] });
    const first = await module.resolve(PerRequest, ContextIdFactory.create());
    const second = await module.resolve(PerRequest, ContextIdFactory.create());
    expect(first).not.toBe(second);
    expect([await first.find(), await second.find()]).toEqual([1, 1]);
  });

  it('caches on a transient provider', async () => {
    let runs = 0;
    @Injectable({ scope: Scope.TRANSIENT })
    class Transient {
      @Cached()
      async find(): Promise<number> {
        return ++runs;
      }
    }
    @Injectable()
    class Holder {
      constructor(@Inject(Transient) readonly inner: Transient) {}
    }
    const { module } = await boot({ providers: [Transient, Holder] });
    const other = await module.resolve(Transient);
    expect([await module.get(Holder).inner.find(), await other.find()]).toEqual([1, 1]);
  });

  it('caches from the constructor of a consumer on, and before its onModuleInit', async () => {
    @Injectable()
    class Eager implements OnModuleInit {
      early: string[] = [];

      constructor(@Inject(Counter) private readonly counter: Counter) {}

      async onModuleInit(): Promise<void> {
        this.early = await this.counter.twice('early');
      }
    }
    const { module } = await boot({ providers: [Counter, Eager] });
    expect(module.get(Eager).early).toEqual(['early:private:1', 'early:private:1']);
  });

  it('runs uncached in the constructor of its own class', async () => {
    @Injectable()
    class InConstructor {
      runs = 0;
      readonly first = this.find();

      @Cached()
      async find(): Promise<number> {
        return ++this.runs;
      }
    }
    const { module } = await boot({ providers: [InConstructor] });
    const instance = module.get(InConstructor);
    expect([await instance.first, await instance.find(), await instance.find()]).toEqual([1, 2, 2]);
  });

  it('caches on services that need each other', async () => {
    @Injectable()
    class Left {
      runs = 0;
      constructor(@Inject(forwardRef(() => Right)) readonly right: object) {}

      @Cached()
      async find(): Promise<number> {
        return ++this.runs;
      }
    }
    @Injectable()
    class Right {
      runs = 0;
      constructor(@Inject(forwardRef(() => Left)) readonly left: object) {}

      @Cached()
      async find(): Promise<number> {
        return ++this.runs;
      }
    }
    const { module } = await boot({ providers: [Left, Right] });
    const [left, right] = [module.get(Left), module.get(Right)];
    expect([await left.find(), await left.find(), await right.find(), await right.find()]).toEqual([
      1, 1, 1, 1,
    ]);
  });

  it('caches on an instance that a factory made, under a string token', async () => {
    const { module } = await boot({
      providers: [{ provide: 'COUNTER', useFactory: () => new Counter() }],
    });
    const counter = module.get<Counter>('COUNTER');
    expect(await counter.twice('a')).toEqual(['a:private:1', 'a:private:1']);
  });

  it('caches in a lazily loaded module and on ModuleRef.create', async () => {
    @Module({ providers: [Counter] })
    class Lazy {}
    const { module } = await boot({});
    const lazy = await module.get(LazyModuleLoader).load(() => Lazy);
    expect(await lazy.get(Counter).twice('a')).toEqual(['a:private:1', 'a:private:1']);
    const created = await module.get(ModuleRef).create(Counter);
    expect(await created.twice('b')).toEqual(['b:private:1', 'b:private:1']);
  });

  it('caches on a provider that the options of the cache depend on', async () => {
    @Injectable()
    class Config {
      runs = 0;

      @Cached()
      async name(): Promise<string> {
        return `test${++this.runs}`;
      }
    }
    @Module({ providers: [Config], exports: [Config] })
    class ConfigModule {}
    const cached = MultiLevelCacheModule.forRootAsync({
      imports: [ConfigModule],
      inject: [Config],
      useFactory: async (config: Config) => ({ namespace: await config.name() }),
    });
    const module = await Test.createTestingModule({ imports: [cached] }).compile();
    await closeLater(module).init();
    const config = module.get(Config, { strict: false });
    expect([await config.name(), await config.name()]).toEqual(['test2', 'test2']);
  });

  it('runs a class made with new uncached', async () => {
    const counter = new Counter();
    expect(await counter.twice('a')).toEqual(['a:private:1', 'a:private:2']);
  });

  it('runs uncached where the module is not imported', async () => {
    const module = await Test.createTestingModule({ providers: [Counter] }).compile();
    await closeLater(module).init();
    expect(await module.get(Counter).twice('a')).toEqual(['a:private:1', 'a:private:2']);
  });

  it('never mixes two applications in one process', async () => {
    const [one, two] = [await boot({ providers: [Counter] }), await boot({ providers: [Counter] })];
    expect(await one.module.get(Counter).count('a')).toBe('a:private:1');
    two.module.get(Counter).runs = 10;
    expect(await two.module.get(Counter).count('a')).toBe('a:private:11');
    await one.module.close();
    expect(await two.module.get(Counter).count('a')).toBe('a:private:11');
  });

  it('gives an instance that outlives its application to the next one', async () => {
    const shared = new Counter();
    const provider = { provide: Counter, useValue: shared };
    const first = await boot({ providers: [provider] });
    await shared.count('a');
    await first.module.close();
    expect(await shared.count('a')).toBe('a:private:2');
    await boot({ providers: [provider] });
    expect(await shared.twice('a')).toEqual(['a:private:3', 'a:private:3']);
  });

  it('refuses a static method at decoration', () => {
    class Holder {
      static async find(): Promise<number> {
        return 1;
      }
    }
    const descriptor = Object.getOwnPropertyDescriptor(Holder, 'find')!;
    const decorate = Cached() as unknown as (...where: unknown[]) => void;
    expect(() => decorate(Holder, 'find', descriptor)).toThrow(/CACHE_CONFIG_INVALID.*static/);
  });

  it('works for modules that do not import it where isGlobal is false', async () => {
    @Module({ providers: [Counter], exports: [Counter] })
    class Apart {}
    const local = MultiLevelCacheModule.forRoot({ namespace: 'test', isGlobal: false });
    const module = await Test.createTestingModule({ imports: [local, Apart] }).compile();
    await closeLater(module).init();
    expect(await module.get(Counter).twice('a')).toEqual(['a:private:1', 'a:private:1']);
  });

  it('leaves instances as they were: no member shows up', async () => {
    const { module } = await boot({ providers: [Counter] });
    const instance = module.get(Counter);
    expect(Reflect.ownKeys(Object.assign({}, instance))).toEqual(['runs']);
  });
});

const Role = (role: string): MethodDecorator => SetMetadata('role', role);

@Injectable()
class RoleGuard implements CanActivate {
  constructor(@Inject(Reflector) private readonly reflector: Reflector) {}

  canActivate(context: ExecutionContext): boolean {
    return this.reflector.get('role', context.getHandler()) === 'reader';
  }
}

@Injectable()
class Mark implements NestInterceptor {
  intercept(_context: ExecutionContext, next: CallHandler): Observable<unknown> {
    return next.handle().pipe(map((body: object) => ({ ...body, marked: true })));
  }
}

@Controller('things')
class Things {
  runs = 0;

  @Cached({ name: 'above' })
  @Get('above/:id')
  @Role('reader')
  @UseGuards(RoleGuard)
  @UseInterceptors(Mark)
  @ApiOperation({ summary: 'Above', operationId: 'readAbove' })
  async above(@Param('id') id: string): Promise<object> {
    return { id, runs: ++this.runs };
  }

  @Get('below/:id')
  @Role('reader')
  @UseGuards(RoleGuard)
  @UseInterceptors(Mark)
  @ApiOperation({ summary: 'Below', operationId: 'readBelow' })
  @Cached()
  async below(@Param('id') id: string): Promise<object> {
    return { id, runs: ++this.runs };
  }

  @Cached({ name: 'refused' })
  @Get('refused')
  @Role('admin')
  @UseGuards(RoleGuard)
  async refused(): Promise<object> {
    return {};
  }
}

async function app(): Promise<INestApplication> {
  const { module } = await boot({ controllers: [Things] });
  const application = module.createNestApplication({ logger: false });
  return closeLater(await application.init());
}

describe('@Cached on a controller', () => {
  it.each(['above', 'below'])(
    'keeps route, guard, interceptor and argument (%s them)',
    async (where) => {
      const server = (await app()).getHttpServer() as Parameters<typeof request>[0];
      const expected = { id: '7', runs: 1, marked: true };
      expect((await request(server).get(`/things/${where}/7`).expect(200)).body).toEqual(expected);
      expect((await request(server).get(`/things/${where}/7`).expect(200)).body).toEqual(expected);
      await request(server).get('/things/refused').expect(403);
    },
  );

  it('keeps what Swagger shows', async () => {
    const document = SwaggerModule.createDocument(await app(), new DocumentBuilder().build());
    expect(document.paths['/things/above/{id}']?.get).toMatchObject({
      summary: 'Above',
      operationId: 'readAbove',
      parameters: [{ name: 'id', in: 'path' }],
    });
    expect(document.paths['/things/below/{id}']?.get).toMatchObject({
      summary: 'Below',
      operationId: 'readBelow',
    });
  });
});

@Injectable()
class Spanned {
  runs = 0;

  @Span('above')
  @Cached()
  async above(): Promise<number> {
    return ++this.runs;
  }

  @Cached()
  @Span('below')
  async below(): Promise<number> {
    return ++this.runs;
  }
}

@Injectable()
@Traceable()
class Traced {
  runs = 0;

  @Cached()
  async find(): Promise<number> {
    return ++this.runs;
  }
}

@Injectable()
class Metered {
  runs = 0;

  @OtelMethodCounter()
  @Cached()
  async find(): Promise<number> {
    return ++this.runs;
  }
}

describe('@Cached beside nestjs-otel', () => {
  it('caches below and above @Span', async () => {
    const { module } = await boot({ providers: [Spanned] });
    const spanned = module.get(Spanned);
    expect([await spanned.above(), await spanned.above()]).toEqual([1, 1]);
    expect([await spanned.below(), await spanned.below()]).toEqual([2, 2]);
    expect([spanned.above.name, spanned.below.name]).toEqual(['above', 'below']);
  });

  it('caches in a @Traceable class', async () => {
    const { module } = await boot({ providers: [Traced] });
    expect([await module.get(Traced).find(), await module.get(Traced).find()]).toEqual([1, 1]);
  });

  it('caches below @OtelMethodCounter', async () => {
    const { module } = await boot({
      imports: [OpenTelemetryModule.forRoot()],
      providers: [Metered],
    });
    expect([await module.get(Metered).find(), await module.get(Metered).find()]).toEqual([1, 1]);
  });
});
