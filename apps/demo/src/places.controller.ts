/** The HTTP face of the places. */
import {
  BadRequestException,
  Body,
  ConflictException,
  Controller,
  Get,
  HttpCode,
  Inject,
  NotFoundException,
  Param,
  Patch,
  Post,
  Query,
  UseInterceptors,
} from '@nestjs/common';
import {
  ApiBody,
  ApiConflictResponse,
  ApiOkResponse,
  ApiOperation,
  ApiParam,
  ApiQuery,
  ApiTags,
} from '@nestjs/swagger';
import { Traceable } from 'nestjs-otel';
import { AnsweredBy } from './answered-by.interceptor.js';
import { PlacesService } from './places.service.js';
import type { CountryFacts, NearPlace, Place } from './places.js';

// Every place an answer names becomes a tag of it, and an entry has at most 16.
const MOST_PLACES = 15;

const X_CACHE = {
  'x-cache': {
    description: 'Who answered',
    schema: { type: 'string' as const, enum: ['loader', 'l1', 'l2', 'l3', 'stale'] },
  },
};

@ApiTags('places')
@Controller()
@UseInterceptors(AnsweredBy)
@Traceable()
export class PlacesController {
  constructor(@Inject(PlacesService) private readonly places: PlacesService) {}

  @ApiOperation({ summary: 'The places nearest to a point' })
  @ApiQuery({ name: 'lat', example: 59.91 })
  @ApiQuery({ name: 'lon', example: 10.75 })
  @ApiQuery({ name: 'count', required: false, example: 10 })
  @ApiOkResponse({ headers: X_CACHE, description: 'Nearest first' })
  @Get('nearest')
  nearest(
    @Query('lat') lat: unknown,
    @Query('lon') lon: unknown,
    @Query('count') count: unknown = '10',
  ): Promise<NearPlace[]> {
    return this.places.nearest(
      number('lat', lat, -90, 90),
      number('lon', lon, -180, 180),
      whole('count', count, 1, MOST_PLACES),
    );
  }

  @ApiOperation({ summary: 'What is known of a country' })
  @ApiParam({ name: 'code', example: 'NO' })
  @ApiOkResponse({ headers: X_CACHE, description: 'Sums over its places' })
  @Get('countries/:code')
  async country(@Param('code') code: string): Promise<CountryFacts> {
    if (!/^[A-Za-z]{2}$/.test(code))
      throw new BadRequestException('a country code has two letters, such as NO');
    const facts = await this.places.country(code.toUpperCase());
    if (!facts) throw new NotFoundException('no places are known in that country');
    return facts;
  }

  @ApiOperation({ summary: 'One place' })
  @ApiParam({ name: 'id', example: 3143244 })
  @ApiOkResponse({ headers: X_CACHE, description: 'As cached' })
  @Get('cities/:id')
  async city(@Param('id') id: string): Promise<Place> {
    return known(await this.places.find(whole('id', id, 1, 2 ** 31 - 1)));
  }

  @ApiOperation({ summary: 'Change its population; every answer that names it is forgotten' })
  @ApiParam({ name: 'id', example: 3143244 })
  @ApiBody({
    schema: { type: 'object', properties: { population: { type: 'integer', example: 700_000 } } },
  })
  @ApiOkResponse({ description: 'As it is now' })
  @Patch('cities/:id')
  async resize(@Param('id') id: string, @Body('population') population: unknown): Promise<Place> {
    const wanted = whole('population', population, 0, 100_000_000);
    const place = known(await this.places.current(whole('id', id, 1, 2 ** 31 - 1)));
    return this.places.resize(place, wanted);
  }

  @ApiOperation({
    summary:
      'People move from one city to another, in one transaction; if it fails, the cache is as it was',
  })
  @ApiBody({
    schema: {
      type: 'object',
      properties: {
        from: { type: 'integer', example: 3161732 },
        to: { type: 'integer', example: 3143244 },
        people: { type: 'integer', example: 1_000 },
      },
    },
  })
  @ApiOkResponse({ description: 'Both cities as they are now' })
  @ApiConflictResponse({ description: 'The city has not so many people' })
  @HttpCode(200)
  @Post('moves')
  async move(@Body() body: Record<string, unknown> = {}): Promise<Place[]> {
    const [from, to] = await Promise.all(
      ['from', 'to'].map(async (name) =>
        known(await this.places.current(whole(name, body[name], 1, 2 ** 31 - 1))),
      ),
    );
    if (from.id === to.id) throw new BadRequestException('from and to must be two cities');
    const people = whole('people', body['people'], 1, 100_000_000);
    if (!(await this.places.move(from, to, people)))
      throw new ConflictException(`${from.name} has not so many people`);
    return Promise.all([from, to].map(async ({ id }) => known(await this.places.current(id))));
  }
}

function known(place: Place | null): Place {
  if (!place) throw new NotFoundException('no such city');
  return place;
}

function number(name: string, given: unknown, least: number, most: number): number {
  const value =
    typeof given === 'number' || (typeof given === 'string' && given.trim() !== '')
      ? Number(given)
      : NaN;
  if (!(value >= least && value <= most))
    throw new BadRequestException(`${name} must be a number from ${least} to ${most}`);
  // 0 and -0 are the same place.
  return value + 0;
}

function whole(name: string, given: unknown, least: number, most: number): number {
  const value = number(name, given, least, most);
  if (!Number.isInteger(value)) throw new BadRequestException(`${name} must be a whole number`);
  return value;
}
