/** Answers an error of the cache with the status that fits it; every other error is the application's filters'. */
import { Catch, HttpException, HttpStatus, type ArgumentsHost } from '@nestjs/common';
import { BaseExceptionFilter, HttpAdapterHost } from '@nestjs/core';
import { Inject, Injectable } from '@nestjs/common';
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
export class CacheErrorFilter extends BaseExceptionFilter<CacheError> {
  constructor(@Inject(HttpAdapterHost) host: HttpAdapterHost) {
    super(host.httpAdapter);
  }

  override catch({ code, message }: CacheError, host: ArgumentsHost): void {
    const status = STATUS[code] ?? HttpStatus.SERVICE_UNAVAILABLE;
    // The messages of cache errors name no key, value or secret.
    const body = { statusCode: status, code, message: message.replace(`${code}: `, '') };
    super.catch(new HttpException(body, status) as never, host);
  }
}
