// `npm run bench:typeorm`: a cached TypeORM query against the same query through its repository, in the same process, on a local
// PostgreSQL: a database elsewhere makes the ratios larger. Medians of interleaved rounds.
import 'reflect-metadata';
import os from 'node:os';
import { NestFactory } from '@nestjs/core';
import { provideServers } from 'throwaway-servers';
import { DataSource, EntitySchema } from 'typeorm';
import { MultiLevelCacheModule } from 'nestjs-multi-level-cache';
import {
  cachedFind,
  cachedFindOne,
  CacheTypeOrmModule,
  typeOrmQueryCache,
} from 'nestjs-multi-level-cache/typeorm';

const ROUNDS = 5;
class City {}
const city = new EntitySchema({
  name: 'City',
  target: City,
  tableName: 'bench_city',
  columns: {
    id: { type: 'int', primary: true },
    name: { type: 'text' },
    country: { type: 'text' },
    population: { type: 'int' },
    founded: { type: 'timestamptz', default: () => 'now()' },
  },
});

console.log(
  `Node ${process.version}, ${os.cpus().length} cores, ${os.cpus()[0]?.model ?? 'unknown CPU'}, ${new Date().toISOString().slice(0, 10)}`,
);

const servers = await provideServers();
const source = new DataSource({
  type: 'postgres',
  url: servers.databaseUrl,
  entities: [city],
  synchronize: true,
  cache: { provider: typeOrmQueryCache(), duration: 3_600_000 },
});
await source.initialize();
const cities = source.getRepository(City);
const rows = Array.from({ length: 20_000 }, (_, id) => ({
  id,
  name: `city ${id}`,
  country: `c${id % 50}`,
  population: (id * 7919) % 1_000_000,
}));
for (let at = 0; at < rows.length; at += 5_000) await cities.insert(rows.slice(at, at + 5_000));

class Application {}
const open = (tiers) =>
  NestFactory.createApplicationContext(
    {
      module: Application,
      imports: [
        MultiLevelCacheModule.forRoot({ namespace: 'bench', defaults: { ttl: '1h' }, ...tiers }),
        CacheTypeOrmModule.forRoot(),
      ],
      providers: [{ provide: DataSource, useValue: source }],
    },
    { logger: false },
  );

const median = (list) => list.sort((a, b) => a - b)[list.length >> 1];
async function compare(title, subjects) {
  const times = Object.fromEntries(Object.keys(subjects).map((name) => [name, []]));
  for (let round = -1; round < ROUNDS; round++) {
    for (const [name, [ask, operations]] of Object.entries(subjects)) {
      const began = performance.now();
      for (let i = 0; i < operations; i++) await ask(i);
      if (round >= 0) times[name].push((performance.now() - began) / operations);
    }
  }
  const all = Object.entries(times).map(([name, list]) => [name, median(list)]);
  const [[, raw]] = all;
  console.log(`\n${title}`);
  for (const [name, ms] of all)
    console.log(
      `  ${name.padEnd(34)} ${(ms * 1_000).toFixed(1).padStart(9)} µs  ${(raw / ms).toFixed(1).padStart(7)}x`,
    );
}

const one = (i) => ({ where: { id: i % 100 } });
const list = { where: { country: 'c7' }, order: { id: 'ASC' }, take: 50 };
const heavy = (cache) => {
  const query = cities
    .createQueryBuilder('c')
    .select('c.country', 'country')
    .addSelect('sum(c.population)', 'people')
    .groupBy('c.country')
    .orderBy('people', 'DESC');
  return (cache ? query.cache(true) : query).getRawMany();
};
const shapes = {
  L1: {},
  L2: { l1: false, l2: { url: servers.redisUrl, budget: '5s' } },
};
for (const [tier, tiers] of Object.entries(shapes)) {
  const app = await open(tiers);
  await compare(`${tier} hit, one row by its primary key`, {
    'repository.findOne': [(i) => cities.findOne(one(i)), 500],
    'repository.findOne, cache': [(i) => cities.findOne({ ...one(i), cache: true }), 1_000],
    cachedFindOne: [(i) => cachedFindOne(cities, one(i)), 5_000],
  });
  await compare(`${tier} hit, 50 rows`, {
    'repository.find': [() => cities.find(list), 200],
    'repository.find, cache': [() => cities.find({ ...list, cache: true }), 400],
    cachedFind: [() => cachedFind(cities, list), 2_000],
  });
  await compare(`${tier} hit, a sum over 20,000 rows`, {
    'query builder': [() => heavy(false), 100],
    'query builder, cache': [() => heavy(true), 1_000],
  });
  await app.close();
}
await source.destroy();
await servers.stop();
