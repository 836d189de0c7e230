/** Slow questions about places, cached by decorators: no caching code in the methods. */
import { Inject, Injectable } from '@nestjs/common';
import { CacheEvict, Cached, CacheLoader } from 'nestjs-multi-level-cache';
import { Places, tagsOf, type CountryFacts, type NearPlace, type Place } from './places.js';

@Injectable()
export class PlacesService {
  constructor(@Inject(Places) private readonly places: Places) {}

  @Cached({
    key: (lat, lon, count) => `nearest:${lat}:${lon}:${count}`,
    tags: (places) => places.map(({ id }) => `city:${id}`),
  })
  async nearest(lat: number, lon: number, count: number): Promise<NearPlace[]> {
    return this.places.nearest(lat, lon, count);
  }

  @CacheLoader('country:{code}')
  @Cached({ key: 'country:{0}', tags: (_facts, country) => [`country:${country}`] })
  async country(country: string): Promise<CountryFacts | null> {
    return (await this.places.country(country)) ?? null;
  }

  @Cached({ key: 'city:{0}', tags: (_place, id) => [`city:${id}`] })
  async find(id: number): Promise<Place | null> {
    return this.current(id);
  }

  /** As the origin has it now: what is about to be changed is never taken from a cache. */
  async current(id: number): Promise<Place | null> {
    return (await this.places.find(id)) ?? null;
  }

  @CacheEvict({ tags: (place) => tagsOf(place) })
  async resize(place: Place, population: number): Promise<Place> {
    await this.places.resize(place.id, population);
    return { ...place, population };
  }

  move(from: Place, to: Place, people: number): Promise<boolean> {
    return this.places.move(from, to, people);
  }
}
