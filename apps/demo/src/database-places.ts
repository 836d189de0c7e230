/** The places in PostgreSQL: questions that no index helps. */
import { Inject, Injectable } from '@nestjs/common';
import { CacheManager } from 'nestjs-multi-level-cache';
import { MoreThanOrEqual } from 'typeorm';
import { City } from './city.entity.js';
import { PlacesDatabase, Rollback } from './database.service.js';
import { Places, tagsOf, type CountryFacts, type NearPlace, type Place } from './places.js';

@Injectable()
export class DatabasePlaces extends Places {
  constructor(
    @Inject(PlacesDatabase) private readonly database: PlacesDatabase,
    @Inject(CacheManager) private readonly cache: CacheManager,
  ) {
    super();
  }

  /** Distance to every place of the world, then the nearest. */
  nearest(lat: number, lon: number, count: number): Promise<NearPlace[]> {
    return this.database.query<NearPlace>(
      `select id, name, country, population, round((2 * 6371 * asin(sqrt(
          sin(radians(lat - $1) / 2) ^ 2 + cos(radians($1)) * cos(radians(lat)) * sin(radians(lon - $2) / 2) ^ 2
        )))::numeric, 1)::float8 as km
      from city order by km, id limit $3`,
      [lat, lon, count],
    );
  }

  async country(country: string): Promise<CountryFacts | undefined> {
    const [facts] = await this.database.query<CountryFacts>(
      `select $1::text as country, count(*)::int as places, sum(population)::float8 as people,
        (array_agg(name order by population desc))[1] as largest,
        json_build_object(
          'lat', round((sum(lat * population) / nullif(sum(population), 0))::numeric, 3)::float8,
          'lon', round((sum(lon * population) / nullif(sum(population), 0))::numeric, 3)::float8) as centre
      from city where country = $1 having count(*) > 0`,
      [country],
    );
    return facts;
  }

  async find(id: number): Promise<Place | undefined> {
    const [place] = await this.database.query<Place>(
      'select id, name, country, population from city where id = $1',
      [id],
    );
    return place;
  }

  async resize(id: number, population: number): Promise<void> {
    await this.database.query('update city set population = $2 where id = $1', [id, population]);
  }

  /** What is invalidated in the transaction commits or comes to nothing with it. */
  async move(from: Place, to: Place, people: number): Promise<boolean> {
    try {
      await this.database.transaction(async (manager) => {
        await manager.increment(City, { id: to.id }, 'population', people);
        await this.cache.invalidateIn(manager, { tags: tagsOf(to) });
        const enough = { id: from.id, population: MoreThanOrEqual(people) };
        const { affected } = await manager.decrement(City, enough, 'population', people);
        if (affected !== 1) throw new Rollback();
        await this.cache.invalidateIn(manager, { tags: tagsOf(from) });
      });
      return true;
    } catch (error) {
      if (error instanceof Rollback) return false;
      throw error;
    }
  }
}
