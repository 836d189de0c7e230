/** What the page asks: entries, explanations, settings, and actions. The cache answers as it would answer the same caller anywhere. */
import {
  Body,
  Controller,
  Get,
  HttpCode,
  Inject,
  NotFoundException,
  Param,
  Post,
  Query,
  Res,
  SetMetadata,
  Sse,
  UseFilters,
  UseGuards,
  VERSION_NEUTRAL,
  type MessageEvent,
} from '@nestjs/common';
import { HttpAdapterHost } from '@nestjs/core';
import { CacheInspector, CacheManager } from 'nestjs-multi-level-cache';
import type { Observable } from 'rxjs';
import { Actions, type ActionName } from './actions.js';
import { CacheErrorFilter } from './cache-error.filter.js';
import { DashboardGuard } from './dashboard.guard.js';
import { pageOf } from './entries.js';
import type { ResolvedDashboardOptions } from './options.js';
import { cacheOf, given, optionalText, textOf, tierOf } from './requests.js';
import { cacheRows } from './snapshot.js';
import { DashboardStream } from './stream.js';
import { DASHBOARD_OPTIONS, HIDDEN_FROM_SWAGGER } from './tokens.js';
import { WriteGuard } from './write.guard.js';

@Controller({ path: 'api', version: VERSION_NEUTRAL })
@SetMetadata(...HIDDEN_FROM_SWAGGER)
@UseGuards(DashboardGuard)
@UseFilters(CacheErrorFilter)
export class ApiController {
  constructor(
    @Inject(CacheManager) private readonly cache: CacheManager,
    @Inject(CacheInspector) private readonly inspector: CacheInspector,
    @Inject(DASHBOARD_OPTIONS) private readonly options: ResolvedDashboardOptions,
    @Inject(DashboardStream) private readonly stream: DashboardStream,
    @Inject(Actions) private readonly actions: Actions,
    @Inject(HttpAdapterHost) private readonly host: HttpAdapterHost,
  ) {}

  @Sse('stream')
  watch(): Observable<MessageEvent> {
    return this.stream.watch();
  }

  /** Every cache, where a second of the stream has no room for all. */
  @Get('caches')
  caches(@Res() response: unknown): void {
    const names = this.inspector.caches();
    this.#send(response, { names, rows: cacheRows(this.cache.stats()) });
  }

  @Get('explain')
  async explain(@Query() query: unknown, @Res() response: unknown): Promise<void> {
    const asked = given(query);
    const cache = cacheOf(asked, this.cache, this.inspector);
    this.#send(response, await cache.explain(textOf(asked, 'key')));
  }

  /** What a value is made of, where the application lets that be seen. */
  @Get('shape')
  async shape(@Query() query: unknown, @Res() response: unknown): Promise<void> {
    const asked = given(query);
    if (this.options.values !== 'redacted')
      throw new NotFoundException("Values are hidden: the option values is 'hidden'.");
    const { name } = cacheOf(asked, this.cache, this.inspector);
    const shape = await this.inspector.shape(name, textOf(asked, 'key'));
    this.#send(response, { shape: shape ?? null });
  }

  @Get('entries')
  async entries(@Query() query: unknown, @Res() response: unknown): Promise<void> {
    const asked = given(query);
    const cache = cacheOf(asked, this.cache, this.inspector);
    const [prefix, cursor] = [optionalText(asked, 'prefix'), optionalText(asked, 'cursor')];
    const where = { tier: tierOf(asked), cache: cache.name };
    const page = { ...where, ...(prefix && { prefix }), ...(cursor && { cursor }) };
    this.#send(response, await pageOf(page, cache, this.inspector));
  }

  /** What warming has planned, of the caller's tenant. */
  @Get('plan')
  plan(@Res() response: unknown): void {
    this.#send(response, this.inspector.plan());
  }

  @Get('settings')
  settings(@Res() response: unknown): void {
    this.#send(response, {
      settings: this.inspector.settings(),
      advice: this.inspector.advice(),
    });
  }

  @Post('actions/:name')
  @HttpCode(200)
  @UseGuards(WriteGuard)
  async act(
    @Param('name') name: string,
    @Body() body: unknown,
    @Res() response: unknown,
  ): Promise<void> {
    if (!Object.hasOwn(this.actions.all, name))
      throw new NotFoundException('There is no such action.');
    const done = await this.actions.all[name as ActionName](given(body));
    this.#send(response, done);
  }

  /** Past interceptors of the application, which may wrap what its own controllers answer. */
  #send(response: unknown, body: object): void {
    this.host.httpAdapter.reply(response, body, 200);
  }
}
