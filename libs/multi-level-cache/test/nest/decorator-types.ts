/** What compiles under the decorators and what must not; checked by `tsc`, never run. */
import { CacheEvict, Cached, CachePut } from '../../src/index.js';

interface Product {
  readonly id: string;
  readonly brand: string;
}
declare const product: Product;

export class Compiles {
  @Cached({
    key: (id) => `product:${id.toUpperCase()}`,
    ttl: '10m',
    tags: (found, id) => [`product:${id}`, `brand:${found.brand}`],
    unless: (found, id) => found.id !== id,
    when: (id) => id.startsWith('p'),
  })
  async findOne(_id: string): Promise<Product> {
    return product;
  }

  @Cached()
  async optional(_first: number, _second?: string): Promise<number> {
    return 1;
  }

  @Cached({ key: 'p:{0}', ttl: (found) => (found === null ? '1s' : '1h'), tags: ['catalog'] })
  async maybe(_id: number): Promise<Product | null> {
    return null;
  }

  // `undefined` is never cached, so no option function ever sees it.
  @Cached({ tags: (found) => [found.brand] })
  async noneIsUndefined(): Promise<Product | undefined> {
    return undefined;
  }

  @Cached({ key: (...ids) => ids.map((id) => id.toFixed()).join() })
  async rest(..._ids: number[]): Promise<number> {
    return 1;
  }

  @Cached({ key: (value) => String(value) })
  async generic<T>(value: T): Promise<T> {
    return value;
  }

  @CacheEvict({ keys: (id, patch) => [`product:${id}`, patch.brand ?? ''], tags: ['catalog'] })
  async update(_id: string, _patch: Partial<Product>): Promise<Product> {
    return product;
  }

  @Cached({
    batch: true,
    key: (id) => `product:${id.toUpperCase()}`,
    ttl: (found) => (found.brand === 'x' ? '1m' : { l1: '5s' }),
    tags: (found, id) => [found.brand, id],
    when: (ids) => ids.length < 100,
  })
  async findMany(_ids: readonly string[]): Promise<Map<string, Product>> {
    return new Map();
  }

  @Cached({ batch: true, key: (id, locale) => `text:${id.toFixed()}:${locale.trim()}` })
  async texts(_ids: number[], _locale: string): Promise<Map<number, string>> {
    return new Map();
  }

  @CachePut({
    key: (made, patch) => `product:${made.id}:${patch.brand}`,
    tags: (made) => [made.brand],
    ttl: '5m',
    type: () => [],
  })
  async create(_patch: Partial<Product>): Promise<Product> {
    return product;
  }

  @CacheEvict({ tags: (id) => [`product:${id}`], when: 'before' })
  async remove(_id: string): Promise<void> {}
}

export class DoesNotCompile {
  // @ts-expect-error a synchronous method
  @Cached()
  synchronous(): number {
    return 1;
  }

  // @ts-expect-error a synchronous method, with options
  @Cached({ ttl: 5 })
  synchronousToo(_id: string): number {
    return 1;
  }

  // @ts-expect-error the result has no such member
  @Cached({ tags: (found) => [found.nope] })
  async wrongResult(): Promise<Product> {
    return product;
  }

  // @ts-expect-error the argument is a string
  @Cached({ key: (id: number) => `product:${id}` })
  async wrongArgument(_id: string): Promise<Product> {
    return product;
  }

  // @ts-expect-error no such option
  @Cached({ tll: '5m' })
  async wrongOption(_id: string): Promise<Product> {
    return product;
  }

  // @ts-expect-error no duration
  @Cached({ ttl: 'soon' })
  async wrongDuration(_id: string): Promise<Product> {
    return product;
  }

  // @ts-expect-error a static method belongs to no application
  @Cached()
  static async ofTheClass(): Promise<number> {
    return 1;
  }

  // @ts-expect-error a synchronous method
  @CacheEvict({ tags: ['catalog'] })
  synchronousWrite(): void {}

  // @ts-expect-error the argument is a string
  @CacheEvict({ keys: (id: number) => [`product:${id}`] })
  async wrongKeys(_id: string): Promise<void> {}

  // @ts-expect-error options are needed
  @CacheEvict()
  async nothingToEvict(): Promise<void> {}

  // @ts-expect-error the method takes no list
  @Cached({ batch: true, key: (id: string) => id })
  async noList(_id: string): Promise<Map<string, Product>> {
    return new Map();
  }

  // @ts-expect-error the method returns no Map
  @Cached({ batch: true })
  async noMap(_ids: string[]): Promise<Product[]> {
    return [];
  }

  // @ts-expect-error a key is needed
  @CachePut({ ttl: '5m' })
  async noKey(): Promise<Product> {
    return product;
  }

  // @ts-expect-error the result has no such member
  @CachePut({ key: (made) => made.nope })
  async wrongKey(): Promise<Product> {
    return product;
  }
}
