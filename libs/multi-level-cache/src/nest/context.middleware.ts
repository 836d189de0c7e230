/** Runs each HTTP request in the security context that the application makes of it. On Express and Fastify alike. */
import { Inject, Injectable, type NestMiddleware } from '@nestjs/common';
import type { ResolvedOptions } from '../core/options.js';
import { CacheManager } from '../manager/cache-manager.js';
import { isRoot } from '../manager/create-cache.js';
import { RESOLVED_OPTIONS } from './tokens.js';

/** A middleware and no guard: guards and interceptors run within what it enters. */
@Injectable()
export class ContextMiddleware implements NestMiddleware {
  constructor(
    @Inject(CacheManager) private readonly cache: CacheManager,
    @Inject(RESOLVED_OPTIONS) private readonly options: ResolvedOptions,
  ) {}

  async use(request: unknown, _response: unknown, next: (error?: unknown) => void): Promise<void> {
    const resolve = this.options.security?.resolve;
    if (!resolve || !isRoot(this.cache)) return next();
    let enter: () => void;
    try {
      const context = await resolve(request as never);
      const store = this.cache.context;
      enter = context === undefined ? next : store.bound(context, next);
    } catch (error) {
      return next(error);
    }
    enter();
  }
}
