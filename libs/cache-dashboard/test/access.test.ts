/** Who may see the dashboard, and what every answer says beside its body. */
import {
  Injectable,
  Module,
  UnauthorizedException,
  VersioningType,
  type CanActivate,
  type ExecutionContext,
} from '@nestjs/common';
import { map, of } from 'rxjs';
import { afterEach, describe, expect, it } from 'vitest';
import {
  ADAPTERS,
  OPEN,
  startApplication,
  type Given,
  type TestApplication,
} from './application.js';

const ROUTES = [
  '',
  '/app.js',
  '/nothing.js',
  '/api/stream',
  '/api/caches',
  '/api/explain?key=k',
  '/api/shape?key=k',
  '/api/entries?tier=l1',
  '/api/settings',
  '/api/plan',
];
const ACTIONS = ['delete', 'expire', 'invalidate', 'warm', 'probe'];

@Injectable()
class Badges {
  readonly good = 'blue';
}

@Injectable()
class BadgeGuard implements CanActivate {
  constructor(readonly badges: Badges) {}

  canActivate(context: ExecutionContext): boolean {
    const { headers } = context.switchToHttp().getRequest<{ headers: Record<string, string> }>();
    if (headers['x-badge'] === undefined) throw new UnauthorizedException();
    return headers['x-badge'] === this.badges.good;
  }
}
// What the compiler would write: tests run without types.
Reflect.defineMetadata('design:paramtypes', [Badges], BadgeGuard);

@Module({ providers: [Badges], exports: [Badges] })
class BadgesModule {}

describe.each(ADAPTERS)('%s', (adapter) => {
  let running: TestApplication | undefined;
  const start = async (given: Given): Promise<TestApplication> =>
    (running = await startApplication(adapter, given));
  afterEach(() => running?.close());

  it('is closed on every route until it is given a guard', async () => {
    const { act, get } = await start({ dashboard: { actions: true } });
    for (const route of ROUTES) {
      const answer = await get(`/ops/cache${route}`).expect(403);
      expect(answer.body.message).toMatch(/^The cache dashboard is closed: give .* a guard/);
      expect(answer.headers['content-security-policy']).toContain("default-src 'self'");
    }
    for (const action of ACTIONS) await act(action, { key: 'k' }).expect(403);
  });

  it('refuses whom the guard refuses, on every route, and lets in whom it lets in', async () => {
    const { act, get } = await start({
      dashboard: { guard: BadgeGuard, imports: [BadgesModule], actions: true },
    });
    for (const route of ROUTES) {
      await get(`/ops/cache${route}`).expect(401);
      const answer = await get(`/ops/cache${route}`).set('x-badge', 'red').expect(403);
      expect(answer.body.message).toBe('You may not see the cache dashboard.');
    }
    for (const action of ACTIONS) await act(action, { key: 'k' }).expect(401);
    await get('/ops/cache').set('x-badge', 'blue').expect(200);
    await get('/ops/cache/api/settings').set('x-badge', 'blue').expect(200);
  });

  it('takes a guard that answers later, or as an Observable', async () => {
    const { get } = await start({ dashboard: { guard: { canActivate: () => of(false) } } });
    await get('/ops/cache').expect(403);
    await running?.close();
    const other = await start({ dashboard: { guard: { canActivate: async () => true } } });
    await other.get('/ops/cache').expect(200);
  });

  it('serves the page below a global prefix, with and without a slash at the end', async () => {
    const { get } = await start({ dashboard: { guard: OPEN }, prefix: 'v1' });
    const page = await get('/v1/ops/cache?x=/').expect(200);
    expect(page.text).toContain('<base href="cache/" />');
    expect(page.headers['content-type']).toContain('text/html');
    const below = await get('/v1/ops/cache/').expect(adapter === 'Express' ? 200 : 308);
    if (adapter === 'Express') expect(below.text).toContain('<base href="./" />');
    else expect(below.headers['location']).toBe('../cache');
    await get('/v1/ops/cache/app.js').expect(200);
    await get('/ops/cache').expect(404);
  });

  it('is mounted where it is told', async () => {
    const { get } = await start({ dashboard: { guard: OPEN, path: '/cache/' } });
    await get('/cache/app.css')
      .expect(200)
      .expect('content-type', /text\/css/);
    await get('/cache/index.html').expect(404);
    await get('/cache/..%2fpackage.json').expect(404);
  });

  it('says what browsers may do with it, and keeps answers out of caches', async () => {
    const { get } = await start({ dashboard: { guard: OPEN } });
    for (const route of ['', '/api/settings', '/api/entries?tier=l1']) {
      const { headers } = await get(`/ops/cache${route}`).expect(200);
      expect(headers).toMatchObject({
        'content-security-policy': "default-src 'self'; frame-ancestors 'none'; base-uri 'self'",
        'cache-control': 'no-store',
        'x-content-type-options': 'nosniff',
      });
    }
  });

  it('sends a file once, and says that it is still right', async () => {
    const { get } = await start({ dashboard: { guard: OPEN } });
    const first = await get('/ops/cache/app.js').expect(200);
    expect(first.headers['content-type']).toContain('text/javascript');
    const etag = first.headers['etag'];
    const again = await get('/ops/cache/app.js').set('if-none-match', etag).expect(304);
    expect(again.text ?? '').toBe('');
  });

  it('answers its own way, whatever interceptors and versions the application has', async () => {
    const { get } = await start({
      dashboard: { guard: OPEN },
      prepare: (app) => {
        app.enableVersioning({ type: VersioningType.URI, defaultVersion: '1' });
        app.useGlobalInterceptors({
          intercept: (_context, next) => next.handle().pipe(map(() => ({ wrapped: true }))),
        });
      },
    });
    const page = await get('/ops/cache').expect(200);
    expect(page.text).toMatch(/^<!doctype html>/);
    const { body } = await get('/ops/cache/api/settings').expect(200);
    expect(body).toHaveProperty('settings');
  });
});
