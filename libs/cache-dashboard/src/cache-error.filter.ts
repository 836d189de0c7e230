/** Answers an error of the cache with the status that fits it; every other error is the application's filters'. */
import {
  Catch,
  HttpStatus,
  Inject,
  Injectable,
  type ArgumentsHost,
  type ExceptionFilter,
} from '@nestjs/common';
import { HttpAdapterHost } from '@nestjs/core';
import { CacheError, type CacheErrorCode } from 'nestjs-multi-level-cache';

const STATUS: Readonly<Partial<Record<CacheErrorCode, HttpStatus>>> = {
  CACHE_ACCESS_DENIED: HttpStatus.FORBIDDEN,
  CACHE_CONTEXT_MISSING: HttpStatus.FORBIDDEN,
  CACHE_SCOPE_VIOLATION: HttpStatus.FORBIDDEN,
  CACHE_KEY_INVALID: HttpStatus.BAD_REQUEST,
  CACHE_OPTION_INVALID: HttpStatus.BAD_REQUEST,
  CACHE_PATTERN_UNDECLARED: HttpStatus.BAD_REQUEST,
};

@Injectable()
@Catch(CacheError)
export class CacheErrorFilter implements ExceptionFilter<CacheError> {
  constructor(@Inject(HttpAdapterHost) private readonly host: HttpAdapterHost) {}

  catch({ code, message }: CacheError, host: ArgumentsHost): void {
    const statusCode = STATUS[code] ?? HttpStatus.SERVICE_UNAVAILABLE;
    // The messages of cache errors name no key, value or secret.
    const body = { statusCode, code, message: message.replace(`${code}: `, '') };
    this.host.httpAdapter.reply(host.switchToHttp().getResponse(), body, statusCode);
  }
}
