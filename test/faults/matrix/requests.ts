/** Requests over HTTP at a steady rate, each on a connection of its own, whoever answers late or not at all. */
import { get } from 'node:http';

export interface Answered {
  /** Wall clock, to be compared with another process's. */
  readonly at: number;
  readonly ms: number;
  readonly status: number;
  readonly body: string;
}

/** Status 0 = there was no answer. */
export function request(port: number, path: string): Promise<Answered> {
  const at = Date.now();
  const began = performance.now();
  return new Promise((resolve) => {
    const end = (status: number, body: string): void =>
      resolve({ at, ms: performance.now() - began, status, body });
    const sent = get({ host: '127.0.0.1', port, path, agent: false }, (response) => {
      let body = '';
      response.on('data', (chunk: Buffer) => (body += chunk.toString()));
      response.on('end', () => end(response.statusCode ?? 0, body));
      response.on('error', ({ message }) => end(0, message));
    });
    sent.on('error', ({ message }) => end(0, message));
  });
}

/** Asks for these paths in turn until stopped. */
export class Requests {
  readonly #all: Promise<Answered>[] = [];
  readonly #timer: NodeJS.Timeout;

  constructor(port: number, path: (number: number) => string, everyMs = 5) {
    this.#timer = setInterval(() => this.#all.push(request(port, path(this.#all.length))), everyMs);
  }

  stop(): Promise<readonly Answered[]> {
    clearInterval(this.#timer);
    return Promise.all(this.#all);
  }
}
