/** A proxy that serves an application below a path of its own, as an ingress does that rewrites. */
import { createServer, request, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';

export interface RewritingProxy {
  readonly url: string;
  close(): Promise<void>;
}

/** `/behind/…` here is `/…` there. */
export async function startRewritingProxy(target: string): Promise<RewritingProxy> {
  const { host } = new URL(target);
  const server: Server = createServer((asked, answer) => {
    if (!asked.url?.startsWith('/behind/')) {
      answer.writeHead(404).end();
      return;
    }
    const url = `http://${host}${asked.url.slice('/behind'.length)}`;
    const forward = request(
      url,
      { method: asked.method, headers: { ...asked.headers, host } },
      (got) => {
        answer.writeHead(got.statusCode ?? 502, got.headers);
        got.pipe(answer);
      },
    );
    forward.on('error', () => answer.destroy());
    answer.on('close', () => forward.destroy());
    asked.pipe(forward);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/behind`,
    close: () =>
      new Promise((resolve) => (server.close(() => resolve()), server.closeAllConnections())),
  };
}
