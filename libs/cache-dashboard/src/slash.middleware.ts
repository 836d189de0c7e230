/** On Fastify, which tells the two apart: takes who asks for the page with a slash at the end to where it is. Shows nothing. */
import { Inject, Injectable, type NestMiddleware } from '@nestjs/common';
import { HttpAdapterHost } from '@nestjs/core';
import type { ResolvedDashboardOptions } from './options.js';
import { DASHBOARD_OPTIONS } from './tokens.js';

/** What Node has of a request and its response. */
interface Asked {
  readonly originalUrl?: string;
  readonly url?: string;
}
interface Answer {
  writeHead(status: number, headers: Readonly<Record<string, string>>): { end(): void };
}

@Injectable()
export class SlashMiddleware implements NestMiddleware<Asked, Answer> {
  constructor(
    @Inject(DASHBOARD_OPTIONS) private readonly options: ResolvedDashboardOptions,
    @Inject(HttpAdapterHost) private readonly host: HttpAdapterHost,
  ) {}

  use({ originalUrl, url = '' }: Asked, answer: Answer, next: () => void): void {
    const { path } = this.options;
    const [asked = ''] = (originalUrl ?? url).split('?');
    if (this.host.httpAdapter.getType() !== 'fastify' || !asked.endsWith(`/${path}/`))
      return next();
    // Relative: right behind a proxy as well.
    answer.writeHead(308, { location: `../${path.split('/').pop()!}` }).end();
  }
}
