/** A populated place of the GeoNames data. */
import { Column, Entity, PrimaryColumn } from 'typeorm';

@Entity({ name: 'city' })
export class City {
  @PrimaryColumn('int')
  id!: number;

  @Column('text')
  name!: string;

  @Column('char', { length: 2 })
  country!: string;

  @Column('int')
  population!: number;

  @Column('double precision')
  lat!: number;

  @Column('double precision')
  lon!: number;
}
