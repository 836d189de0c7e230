/** Serves the page and its files; knows nothing of the cache. */
import {
  Controller,
  Get,
  Inject,
  NotFoundException,
  Param,
  Req,
  Res,
  SetMetadata,
  UseGuards,
  VERSION_NEUTRAL,
} from '@nestjs/common';
import { HttpAdapterHost } from '@nestjs/core';
import { assets, type Asset } from './assets.js';
import { DashboardGuard } from './dashboard.guard.js';
import type { ResolvedDashboardOptions } from './options.js';
import { DASHBOARD_OPTIONS, HIDDEN_FROM_SWAGGER } from './tokens.js';

const PAGE = 'index.html';

/** What Express and Fastify both have of a request. */
interface Asked {
  readonly originalUrl?: string;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
}

@Controller({ version: VERSION_NEUTRAL })
@SetMetadata(...HIDDEN_FROM_SWAGGER)
@UseGuards(DashboardGuard)
export class PageController {
  constructor(
    @Inject(DASHBOARD_OPTIONS) private readonly options: ResolvedDashboardOptions,
    @Inject(HttpAdapterHost) private readonly host: HttpAdapterHost,
  ) {}

  /** The page where no file is named. */
  @Get(['', ':file'])
  file(@Req() request: Asked, @Res() response: unknown, @Param('file') name = ''): void {
    if (name === '') return this.#page(request, response);
    const asset = name === PAGE ? undefined : assets().get(name);
    if (!asset) throw new NotFoundException('The cache dashboard has no such file.');
    this.#send(response, asset, request);
  }

  /**
   * The page says where its files are, relative to where the browser has found it: right behind a global prefix, and behind a proxy that
   * serves it under another path.
   */
  #page(request: Asked, response: unknown): void {
    const [path = ''] = (request.originalUrl ?? '').split('?');
    const last = this.options.path.split('/').pop()!;
    const page = assets().get(PAGE)!;
    const body = page.body.replace('%BASE%', path.endsWith('/') ? './' : `${last}/`);
    this.#send(response, { ...page, body });
  }

  #send(response: unknown, { body, etag, type }: Asset, request?: Asked): void {
    const { httpAdapter } = this.host;
    httpAdapter.setHeader(response, 'content-type', type);
    if (request) {
      // Files say nothing of this application; the browser may keep them, and asks whether they are still right.
      httpAdapter.setHeader(response, 'cache-control', 'private, no-cache');
      httpAdapter.setHeader(response, 'etag', etag);
      if (request.headers['if-none-match'] === etag) return httpAdapter.reply(response, '', 304);
    }
    httpAdapter.reply(response, body, 200);
  }
}
