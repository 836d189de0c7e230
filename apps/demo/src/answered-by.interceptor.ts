/** Tells in headers who answered a request and how long it took: by listening to the cache, in the request's own context. */
import { AsyncLocalStorage } from 'node:async_hooks';
import {
  Inject,
  Injectable,
  type CallHandler,
  type ExecutionContext,
  type NestInterceptor,
  type OnModuleDestroy,
} from '@nestjs/common';
import { CacheManager } from 'nestjs-multi-level-cache';
import { tap, type Observable } from 'rxjs';

interface Answer {
  by?: string;
}

interface Response {
  setHeader(name: string, value: string): void;
}

@Injectable()
export class AnsweredBy implements NestInterceptor, OnModuleDestroy {
  readonly #request = new AsyncLocalStorage<Answer>();
  readonly #stop: readonly (() => void)[];

  constructor(@Inject(CacheManager) cache: CacheManager) {
    const note = (by: string): void => {
      const answer = this.#request.getStore();
      if (answer) answer.by = by;
    };
    this.#stop = [
      cache.on('hit', ({ tier }) => note(tier)),
      cache.on('stale', () => note('stale')),
      cache.on('miss', () => note('loader')),
    ];
  }

  intercept(context: ExecutionContext, next: CallHandler): Observable<unknown> {
    const response = context.switchToHttp().getResponse<Response>();
    const answer: Answer = {};
    const began = performance.now();
    // Nest binds the handler to the context in which it is asked for.
    return this.#request.run(answer, () =>
      next.handle().pipe(
        tap(() => {
          if (answer.by) response.setHeader('x-cache', answer.by);
          response.setHeader('server-timing', `app;dur=${(performance.now() - began).toFixed(2)}`);
        }),
      ),
    );
  }

  onModuleDestroy(): void {
    for (const stop of this.#stop) stop();
  }
}
