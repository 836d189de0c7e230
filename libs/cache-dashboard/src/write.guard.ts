/** What a request that changes something must look like, so that no other site can make a browser send it. */
import {
  ForbiddenException,
  Inject,
  Injectable,
  UnsupportedMediaTypeException,
  type CanActivate,
  type ExecutionContext,
} from '@nestjs/common';
import type { ResolvedDashboardOptions } from './options.js';
import { DASHBOARD_OPTIONS } from './tokens.js';

type Headers = Readonly<Record<string, string | string[] | undefined>>;

const OFF = 'Actions are off: CacheDashboardModule.forRoot({ actions: true }) turns them on.';

@Injectable()
export class WriteGuard implements CanActivate {
  constructor(@Inject(DASHBOARD_OPTIONS) private readonly options: ResolvedDashboardOptions) {}

  canActivate(context: ExecutionContext): boolean {
    if (!this.options.actions) throw new ForbiddenException(OFF);
    const { headers } = context.switchToHttp().getRequest<{ readonly headers: Headers }>();
    // A form cannot say so, and a script of another site must ask first.
    if (!/^application\/json\s*(?:;|$)/i.test(text(headers['content-type'])))
      throw new UnsupportedMediaTypeException('Send JSON.');
    if (headers['x-cache-dashboard'] !== '1')
      throw new ForbiddenException('Send the header x-cache-dashboard: 1.');
    if (!isSameOrigin(headers))
      throw new ForbiddenException('Send this from the page of the dashboard.');
    return true;
  }
}

/** The browser's own word; where it says nothing, as over plain HTTP, the origin must be this host. */
function isSameOrigin(headers: Headers): boolean {
  const site = headers['sec-fetch-site'];
  if (site !== undefined) return site === 'same-origin';
  const origin = text(headers['origin']);
  return URL.canParse(origin) && new URL(origin).host === headers['host'];
}

function text(header: string | string[] | undefined): string {
  return typeof header === 'string' ? header : '';
}
