/** A DataSource on a database of its own with a few entities, and a cache of real tiers that it is bound to. */
import {
  Column,
  DataSource,
  Entity,
  JoinTable,
  ManyToMany,
  ManyToOne,
  OneToMany,
  PrimaryColumn,
  PrimaryGeneratedColumn,
  UpdateDateColumn,
  VersionColumn,
  DeleteDateColumn,
  ViewColumn,
  ViewEntity,
  type DataSourceOptions,
  type EntitySubscriberInterface,
  type AfterQueryEvent,
} from 'typeorm';
import { typeOrmQueryCache } from '../../libs/multi-level-cache/src/nest/typeorm.js';
import { attach } from '../../libs/multi-level-cache/src/integrations/typeorm/attach.js';
import type { Cache } from '../../libs/multi-level-cache/src/manager/cache.js';
import { testCache, type TestCache, type TestCacheOptions } from './cache.js';
import { databaseUrl, freshDatabase, freshNamespace, redisUrl } from './servers.js';

@Entity({ name: 'country' })
export class Country {
  @PrimaryColumn('char', { length: 2 })
  code!: string;

  @Column('text')
  name!: string;

  @OneToMany(() => Town, (town) => town.country)
  towns?: Town[];
}

@Entity({ name: 'label' })
export class Label {
  @PrimaryGeneratedColumn()
  id!: number;

  @Column('text', { unique: true })
  text!: string;
}

@Entity({ name: 'town' })
export class Town {
  @PrimaryColumn('int')
  id!: number;

  @Column('text')
  name!: string;

  @Column('int', { default: 0 })
  population!: number;

  @Column('timestamptz', { default: () => 'now()' })
  founded!: Date;

  @Column('bytea', { nullable: true })
  crest?: Buffer | null;

  @Column('bigint', { default: '9007199254740993' })
  area!: string;

  @Column('jsonb', { nullable: true })
  facts?: { mayors: string[] } | null;

  @ManyToOne(() => Country, (country) => country.towns, { nullable: true, cascade: true })
  country?: Country | null;

  @ManyToMany(() => Label)
  @JoinTable({ name: 'town_label' })
  labels?: Label[];

  @DeleteDateColumn({ type: 'timestamptz' })
  gone?: Date | null;

  @VersionColumn()
  version!: number;
}

/** No version column, a date of its last update instead. */
@Entity({ name: 'note' })
export class Note {
  @PrimaryGeneratedColumn('uuid')
  id!: string;

  @Column('text')
  text!: string;

  @ManyToOne(() => Town, { eager: true, nullable: true })
  town?: Town | null;

  @UpdateDateColumn({ type: 'timestamptz' })
  changed!: Date;
}

@ViewEntity({
  name: 'big_town',
  expression: 'select id, name from town where population > 1000000',
})
export class BigTown {
  @ViewColumn()
  id!: number;

  @ViewColumn()
  name!: string;
}

export const ENTITIES = [Country, Label, Town, Note, BigTown];

const sources = new Set<DataSource>();

/** Schema and all; destroyed by `closeSources()`. */
export async function testSource(options: Partial<DataSourceOptions> = {}): Promise<DataSource> {
  const source = new DataSource({
    type: 'postgres',
    url: await freshDatabase(),
    entities: ENTITIES,
    synchronize: true,
    cache: { provider: typeOrmQueryCache(), duration: 60_000 },
    ...options,
  } as DataSourceOptions);
  await source.initialize();
  sources.add(source);
  return source;
}

/** The same database on a pool of its own. */
export async function sameDatabase(
  source: DataSource,
  options: Partial<DataSourceOptions> = {},
): Promise<DataSource> {
  return testSource({
    url: (source.options as { url: string }).url,
    synchronize: false,
    ...options,
  });
}

export const SHAPES = ['l1', 'l1+l2', 'l1+l2+l3'] as const;
export type Shape = (typeof SHAPES)[number];

/** A cache of that shape. */
export function shaped(shape: Shape, more: Partial<TestCacheOptions> = {}): Promise<TestCache> {
  return testCache({
    namespace: freshNamespace(),
    redis: shape === 'l1' ? undefined : redisUrl(),
    database: shape === 'l1+l2+l3' ? databaseUrl() : undefined,
    ...more,
  });
}

/** Binds them as the module does. */
export function bind(source: DataSource, { cache }: TestCache): Cache {
  const named = cache.namespace('typeorm') as Cache;
  attach(source, named);
  return named;
}

/** Statements that reached the database. */
export class Statements implements EntitySubscriberInterface {
  readonly all: string[] = [];
  #gate: { pattern: RegExp; arrive: () => void; go: Promise<void> } | undefined;

  static of(source: DataSource): Statements {
    const statements = new Statements();
    source.subscribers.push(statements);
    return statements;
  }

  get selects(): number {
    return this.all.filter((sql) => /^\s*select/i.test(sql)).length;
  }

  /** The next such query stops when the database has answered. */
  stop(pattern: RegExp): { reached: Promise<void>; pass: () => void } {
    let arrive!: () => void;
    let pass!: () => void;
    const reached = new Promise<void>((resolve) => (arrive = resolve));
    const go = new Promise<void>((resolve) => (pass = resolve));
    this.#gate = { pattern, arrive, go };
    return { reached, pass };
  }

  async afterQuery({ query, success }: AfterQueryEvent): Promise<void> {
    if (success) this.all.push(query);
    const gate = this.#gate;
    if (!gate || !gate.pattern.test(query)) return;
    this.#gate = undefined;
    gate.arrive();
    await gate.go;
  }
}

export async function closeSources(): Promise<void> {
  const up = [...sources].filter(({ isInitialized }) => isInitialized);
  await Promise.all(up.map((source) => source.destroy()));
  sources.clear();
}
