/** Which tables a query's text names: none may be missed; one too many only invalidates too much. */
import { Column, type DataSource, Entity, PrimaryColumn, ViewEntity } from 'typeorm';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { queryTags } from '../../libs/multi-level-cache/src/integrations/typeorm/query-tags.js';
import { Tables } from '../../libs/multi-level-cache/src/integrations/typeorm/tables.js';
import { closeSources, testSource } from '../support/typeorm.js';

@Entity({ name: 'town' })
class Town {
  @PrimaryColumn('int')
  id!: number;

  @Column('text')
  country!: string;
}

@Entity({ name: 'country' })
class Country extends Town {}

@Entity({ name: 'item', schema: 'shop' })
class Item extends Town {}

@Entity({ name: 'order' })
class Order extends Town {}

@Entity({ name: 'odd-name' })
class Odd extends Town {}

@Entity({ name: 'Mixed' })
class Mixed extends Town {}

@ViewEntity({
  name: 'seen',
  expression: (source: DataSource) =>
    source.createQueryBuilder().select('town.id', 'id').from(Town, 'town'),
})
class Seen {}

let source: DataSource;

beforeAll(async () => {
  source = await testSource({
    entities: [Town, Country, Item, Order, Odd, Mixed, Seen],
    synchronize: false,
  });
});
afterAll(closeSources);

describe('the tables in', () => {
  it.each<[string, Record<string, number>]>([
    ['SELECT "t"."id" AS "t_id" FROM "town" "t"', { town: 1 }],
    ['SELECT "Town"."id" FROM "town" "Town" WHERE "Town"."country" = $1', { town: 1 }],
    ['SELECT 1 FROM "shop"."item" "item"', { 'shop.item': 1 }],
    ['SELECT 1 FROM "shop"."item" "item" JOIN shop . item i2 ON true', { 'shop.item': 2 }],
    ['select * from item', { 'shop.item': 1 }],
    ['select * from town, country', { town: 1, country: 1 }],
    ['select a.town, town.id from "Town" a , town', { town: 2 }],
    ['select * from public.town', { town: 1 }],
    ['select * from other.town', {}],
    ['select * from TOWN t join ( select 1 from "country" ) c on true', { town: 1, country: 1 }],
    ['with c as (select * from country) select * from c', { country: 1 }],
    ["select 'it''s \" odd' , id from town", { town: 1 }],
    ['select * from x order by 1', {}],
    ['select * from "order" "o" order by 1', { order: 1 }],
    ['SELECT 1 FROM "odd-name" "o"', { 'odd-name': 1 }],
    ['SELECT 1 FROM "Mixed" "m" /* town */', { Mixed: 1, town: 1 }],
    ['SELECT 1 FROM "seen" "s"', { seen: 1, town: 1 }],
    ['SELECT 1 FROM downtown, town_label, "x.towns"', {}],
  ])('%s', (sql, expected) => {
    const found = Tables.of(source)
      .in(sql)
      .map(({ metadata, times }) => [metadata.tablePath, times] as const);
    expect(Object.fromEntries(found)).toEqual(expected);
  });
});

it('pins a row of a table in a schema, and of one that is joined with others', () => {
  const where = 'WHERE (("item"."id" = $1) AND ("item"."country" IS NULL)) LIMIT 1';
  expect(queryTags(source, `SELECT 1 FROM "shop"."item" "item" ${where}`, [7])).toEqual([
    'row:shop.item:7',
    'rows:shop.item',
  ]);
  const join = 'LEFT JOIN "town" "t" ON "t"."id"="item"."country"';
  expect(queryTags(source, `SELECT 1 FROM "shop"."item" "item" ${join} ${where}`, [7])).toEqual([
    'row:shop.item:7',
    'rows:shop.item',
    'table:town',
  ]);
});
