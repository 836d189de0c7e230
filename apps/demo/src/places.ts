/** What the origin knows of places, whoever answers: a database, or this process's memory where there is none. */

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

/** The slow, true source. Abstract, so that it is type and injection token in one. */
export abstract class Places {
  abstract nearest(lat: number, lon: number, count: number): Promise<NearPlace[]>;
  abstract country(country: string): Promise<CountryFacts | undefined>;
  abstract find(id: number): Promise<Place | undefined>;
  abstract resize(id: number, population: number): Promise<void>;

  /** People move from one place to another: both change, or neither does. `false` = there are not so many. */
  abstract move(from: Place, to: Place, people: number): Promise<boolean>;
}

/** Tags of every answer that names the place or counts its people. */
export function tagsOf({ id, country }: Place): string[] {
  return [`city:${id}`, `country:${country}`];
}
