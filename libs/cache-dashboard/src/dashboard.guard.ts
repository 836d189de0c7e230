/** Who may see the dashboard: asks the application's guard before every route, and is closed where there is none. */
import {
  ForbiddenException,
  Inject,
  Injectable,
  type CanActivate,
  type ExecutionContext,
  type OnModuleInit,
} from '@nestjs/common';
import { HttpAdapterHost, ModuleRef } from '@nestjs/core';
import { firstValueFrom, isObservable } from 'rxjs';
import type { ResolvedDashboardOptions } from './options.js';
import { DASHBOARD_OPTIONS } from './tokens.js';

/** Of every answer, refusals included. */
const HEADERS = {
  'content-security-policy': "default-src 'self'; frame-ancestors 'none'; base-uri 'self'",
  'cache-control': 'no-store',
  'x-content-type-options': 'nosniff',
  'referrer-policy': 'same-origin',
} as const;

const CLOSED =
  'The cache dashboard is closed: give CacheDashboardModule.forRoot a guard that says who may see it.';
const REFUSED = 'You may not see the cache dashboard.';

@Injectable()
export class DashboardGuard implements CanActivate, OnModuleInit {
  #guard: CanActivate | undefined;

  constructor(
    @Inject(DASHBOARD_OPTIONS) private readonly options: ResolvedDashboardOptions,
    @Inject(ModuleRef) private readonly modules: ModuleRef,
    @Inject(HttpAdapterHost) private readonly host: HttpAdapterHost,
  ) {}

  /** A class that the application provides is that one; any other is made here, with what `imports` bring. */
  async onModuleInit(): Promise<void> {
    const { guard } = this.options;
    if (typeof guard !== 'function') {
      this.#guard = guard;
      return;
    }
    let provided: CanActivate | undefined;
    try {
      provided = this.modules.get(guard, { strict: false });
    } catch {
      // Nobody provides it.
    }
    this.#guard = provided ?? (await this.modules.create(guard));
  }

  async canActivate(context: ExecutionContext): Promise<boolean> {
    const response: unknown = context.switchToHttp().getResponse();
    for (const [name, value] of Object.entries(HEADERS))
      this.host.httpAdapter.setHeader(response, name, value);
    if (!this.#guard) throw new ForbiddenException(CLOSED);
    const answer = this.#guard.canActivate(context);
    const may = isObservable(answer) ? await firstValueFrom(answer) : await answer;
    if (!may) throw new ForbiddenException(REFUSED);
    return true;
  }
}
