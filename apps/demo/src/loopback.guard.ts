/** Lets in who asks from this machine: the demo has no login. An application's guard asks who somebody is. */
import { Injectable, type CanActivate, type ExecutionContext } from '@nestjs/common';
import type { Request } from 'express';

/** A page of another site can make a browser here ask under a name of its own, which then is no name of this machine. */
const NAMES = new Set(['localhost', '127.0.0.1', '[::1]']);

@Injectable()
export class LoopbackGuard implements CanActivate {
  canActivate(context: ExecutionContext): boolean {
    const { hostname, socket } = context.switchToHttp().getRequest<Request>();
    const from = socket.remoteAddress ?? '';
    return NAMES.has(hostname) && /^(127\.|::1$|::ffff:127\.)/.test(from);
  }
}
