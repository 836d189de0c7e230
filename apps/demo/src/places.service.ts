/** Slow questions about places, cached by decorators: no caching code in the methods. */
import { Inject, Injectable } from '@nestjs/common';
import { CacheEvict, Cached } from 'nestjs-multi-level-cache';
import { PlacesDatabase } from './database.service.js';

export interface Place {
  readonly id: number;
  readonly name: string;
  readonly country: string;
  readonly population: number;
}

export interface NearPlace extends Place {
  readonly km: number;
}

export interface CountryFacts {
  readonly country: string;
  readonly places: number;
  readonly people: number;
  readonly largest: string;
  /** Population-weighted centre. */
  readonly centre: { readonly lat: number; readonly lon: number };
}

@Injectable()
export class PlacesService {
  constructor(@Inject(PlacesDatabase) private readonly database: PlacesDatabase) {}

  /** Distance to every place of the world, then the nearest: no index helps. */
  @Cached({
    key: (lat, lon, count) => `nearest:${lat}:${lon}:${count}`,
    tags: (places) => places.map(({ id }) => `city:${id}`),
  })
  async nearest(lat: number, lon: number, count: number): Promise<NearPlace[]> {
    return this.database.query<NearPlace>(
      `select id, name, country, population, round((2 * 6371 * asin(sqrt(
          sin(radians(lat - $1) / 2) ^ 2 + cos(radians($1)) * cos(radians(lat)) * sin(radians(lon - $2) / 2) ^ 2
        )))::numeric, 1)::float8 as km
      from city order by km, id limit $3`,
      [lat, lon, count],
    );
  }

  @Cached({ key: 'country:{0}', tags: (_facts, country) => [`country:${country}`] })
  async country(country: string): Promise<CountryFacts | null> {
    const [facts] = await this.database.query<CountryFacts>(
      `select $1::text as country, count(*)::int as places, sum(population)::float8 as people,
        (array_agg(name order by population desc))[1] as largest,
        json_build_object(
          'lat', round((sum(lat * population) / nullif(sum(population), 0))::numeric, 3)::float8,
          'lon', round((sum(lon * population) / nullif(sum(population), 0))::numeric, 3)::float8) as centre
      from city where country = $1 having count(*) > 0`,
      [country],
    );
    return facts ?? null;
  }

  @Cached({ key: 'city:{0}', tags: (_place, id) => [`city:${id}`] })
  async find(id: number): Promise<Place | null> {
    return this.current(id);
  }

  /** As the database has it now: what is about to be changed is never taken from a cache. */
  async current(id: number): Promise<Place | null> {
    const [place] = await this.database.query<Place>(
      'select id, name, country, population from city where id = $1',
      [id],
    );
    return place ?? null;
  }

  @CacheEvict({ tags: (place) => [`city:${place.id}`, `country:${place.country}`] })
  async resize(place: Place, population: number): Promise<Place> {
    await this.database.query('update city set population = $2 where id = $1', [
      place.id,
      population,
    ]);
    return { ...place, population };
  }
}
