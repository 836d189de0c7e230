/** A process of its own for a row: what it says, a line of JSON at a time, and how it ends. It runs the built library. */
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';

export interface Ended {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  /** What it wrote to the error stream. */
  readonly errors: string;
}

export class Child {
  static readonly #running = new Set<Child>();
  readonly process: ChildProcess;
  readonly ended: Promise<Ended>;
  readonly #lines: AsyncIterator<string>;
  #errors = '';

  /** @param script - beside this file's fixtures; it gets `argument` as JSON */
  constructor(script: string, argument: object, flags: readonly string[] = []) {
    const path = fileURLToPath(new URL(`./fixtures/${script}`, import.meta.url));
    this.process = spawn(process.execPath, [...flags, path, JSON.stringify(argument)], {
      stdio: ['pipe', 'pipe', 'pipe'],
    });
    const { stdout, stderr } = this.process;
    stderr!.on('data', (chunk: Buffer) => (this.#errors += chunk.toString()));
    this.#lines = createInterface({ input: stdout! })[Symbol.asyncIterator]();
    Child.#running.add(this);
    this.ended = once(this.process, 'close').then(([code, signal]) => {
      Child.#running.delete(this);
      return {
        code: code as number | null,
        signal: signal as NodeJS.Signals | null,
        errors: this.#errors,
      };
    });
  }

  /** The next thing it says. */
  async said<T>(): Promise<T> {
    const { done, value } = await this.#lines.next();
    if (done) throw new Error(`it ended without a word: ${this.#errors.slice(-2_000)}`);
    return JSON.parse(value) as T;
  }

  /** Does the next thing that waits for a word. */
  tell(word: string): void {
    this.process.stdin!.write(`${word}\n`);
  }

  kill(signal: NodeJS.Signals): void {
    this.process.kill(signal);
  }

  /** For `afterEach`: nothing outlives its row. */
  static async endAll(): Promise<void> {
    await Promise.all(
      [...Child.#running].map((child) => {
        child.kill('SIGKILL');
        return child.ended;
      }),
    );
  }
}
