/** Runs one server program under a small shell that ends it when this process is gone, however it went. */
import { spawn, type ChildProcess } from 'node:child_process';
import { randomInt } from 'node:crypto';
import { rmSync } from 'node:fs';
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface, type Interface } from 'node:readline';
import { setTimeout as sleep } from 'node:timers/promises';

/**
 * Waits for orders on a pipe. Its end (the parent stopped, crashed or was killed) means: end the server with its children,
 * remove the folder. `$1` = folder, `$2` = signal for a clean end; the rest is the server's command.
 */
const SCRIPT = `
trap '' PIPE
dir=$1; signal=$2; shift 2; pid=
children() { cat /proc/$pid/task/$pid/children 2>/dev/null; }
while read -r order; do
  [ -n "$pid" ] && wait "$pid" 2>/dev/null
  : >"$dir/log"
  "$@" >>"$dir/log" 2>&1 </dev/null &
  pid=$!
  echo "$pid"
done
if [ -n "$pid" ]; then
  kill -CONT $pid $(children) 2>/dev/null
  kill -"$signal" $pid 2>/dev/null
  tries=0
  while [ $tries -lt 100 ] && read -r _ _ state _ <"/proc/$pid/stat" && [ "$state" != Z ]; do
    sleep 0.05
    tries=$((tries + 1))
  done 2>/dev/null
  kill -KILL $pid $(children) 2>/dev/null
fi
rm -rf "$dir"
`;

export interface Program {
  readonly name: string;
  readonly command: readonly string[];
  readonly dir: string;
  readonly url: string;
  readonly port: number;
  /** Signal for a quick, clean end. */
  readonly signal: 'TERM' | 'QUIT';
  /** Line in the log that says it is ready. */
  readonly ready: string;
  readonly user?: { readonly uid: number; readonly gid: number } | undefined;
}

/** A running server of one's own. */
export class Server {
  readonly url: string;
  readonly port: number;
  readonly dir: string;
  #pid = 0;
  readonly #program: Program;
  readonly #shell: ChildProcess;
  readonly #lines: Interface;
  readonly #ended: Promise<void>;

  /** Starts the program and waits until it is ready. */
  static async start(program: Program): Promise<Server> {
    const server = new Server(program);
    try {
      await server.restart();
    } catch (error) {
      await server.stop();
      throw error;
    }
    return server;
  }

  private constructor(program: Program) {
    this.#program = program;
    this.url = program.url;
    this.port = program.port;
    this.dir = program.dir;
    this.#shell = spawn(
      'sh',
      ['-c', SCRIPT, 'throwaway', program.dir, program.signal, ...program.command],
      {
        // A session of its own: Ctrl-C reaches the parent, which then closes the pipe.
        detached: true,
        stdio: ['pipe', 'pipe', 'ignore'],
        cwd: program.dir,
        ...program.user,
      },
    );
    this.#shell.unref();
    (this.#shell.stdout as unknown as { unref(): void }).unref();
    (this.#shell.stdin as unknown as { unref(): void }).unref();
    this.#shell.stdin!.on('error', () => undefined);
    this.#lines = createInterface(this.#shell.stdout!);
    this.#ended = new Promise((resolve) => this.#shell.once('exit', () => resolve()));
  }

  get pid(): number {
    return this.#pid;
  }

  /** Starts the program again after `kill()`: same port, same data. */
  async restart(): Promise<void> {
    // The pipes do not keep this process alive, so something else must while it waits.
    const waiting = setInterval(() => undefined, 1_000);
    try {
      const said = new Promise<string>((resolve) => this.#lines.once('line', resolve));
      this.#shell.stdin!.write('start\n');
      this.#pid = Number(await said);
      await this.#untilReady();
    } finally {
      clearInterval(waiting);
    }
  }

  /** Ends it as a crash would: SIGKILL to all its processes. */
  async kill(): Promise<void> {
    const family = await this.#family();
    this.#signal('SIGKILL', family);
    // All of them: what they share (memory, a lock) is free only then.
    for (const pid of family) while (await isAlive(pid)) await sleep(10);
  }

  /** Stops all its processes where they are; connections stay open and silent. */
  async freeze(): Promise<void> {
    // The first process stops first, so that it starts no new ones meanwhile.
    this.#signal('SIGSTOP', [this.#pid]);
    this.#signal('SIGSTOP', await this.#family());
  }

  async thaw(): Promise<void> {
    this.#signal('SIGCONT', await this.#family());
  }

  /** Ends it and removes its folder. */
  async stop(): Promise<void> {
    if (this.#shell.exitCode !== null || this.#shell.signalCode !== null) return;
    this.#shell.ref();
    this.#shell.stdin!.end();
    await this.#ended;
    this.#lines.close();
  }

  async #family(): Promise<number[]> {
    const text = await readFile(`/proc/${this.#pid}/task/${this.#pid}/children`, 'utf8').catch(
      () => '',
    );
    return [this.#pid, ...text.split(' ').filter(Boolean).map(Number)];
  }

  #signal(signal: NodeJS.Signals, pids: readonly number[]): void {
    for (const pid of pids) {
      try {
        process.kill(pid, signal);
      } catch {
        // Gone meanwhile.
      }
    }
  }

  async #untilReady(): Promise<void> {
    const log = join(this.dir, 'log');
    for (let tries = 0; tries < 1_200; tries++) {
      const text = await readFile(log, 'utf8').catch(() => '');
      if (text.includes(this.#program.ready)) return;
      if (!(await isAlive(this.#pid)))
        throw new Error(`${this.#program.name} ended at its start:\n${text.slice(-2_000)}`);
      await sleep(25);
    }
    throw new Error(`${this.#program.name} was not ready within 30 s`);
  }
}

/** Not gone, nor a zombie nobody has asked for yet. */
async function isAlive(pid: number): Promise<boolean> {
  const stat = await readFile(`/proc/${pid}/stat`, 'utf8').catch(() => '');
  return stat !== '' && !/\) [ZX] /.test(stat);
}

/** A file for each port that a process has been given, with its pid in it: who asks at the same moment gets another one. */
const GIVEN = join(tmpdir(), `throwaway-ports-${process.getuid?.() ?? 'all'}`);
const given: string[] = [];
process.once('exit', () => {
  for (const file of given) rmSync(file, { force: true });
});

/**
 * A port nobody listens on, below those that systems give to outgoing connections: one of these would take it between this
 * question and the start of its server, or while that is killed. It is this process's until that ends.
 */
export async function freePort(): Promise<number> {
  await mkdir(GIVEN, { recursive: true });
  for (let tries = 0; tries < 1_000; tries++) {
    const port = randomInt(20_000, 26_000);
    if ((await take(join(GIVEN, String(port)))) && (await isFree(port))) return port;
  }
  throw new Error('no port is free');
}

/** Whether the port of this file is this process's now. */
export async function take(file: string): Promise<boolean> {
  try {
    await writeFile(file, String(process.pid), { flag: 'wx' });
    given.push(file);
    return true;
  } catch {
    const holder = Number(await readFile(file, 'utf8').catch(() => ''));
    // For the next who draws it: to take it here could take it from somebody who does the same.
    if (holder > 0 && !(await isAlive(holder))) await rm(file, { force: true });
    return false;
  }
}

function isFree(port: number): Promise<boolean> {
  const probe = createServer();
  return new Promise((resolve) =>
    probe
      .once('error', () => resolve(false))
      .listen(port, '127.0.0.1', () => probe.close(() => resolve(true))),
  );
}

/** A temporary folder, removed with its server. */
export function folder(name: string): Promise<string> {
  return mkdtemp(join(tmpdir(), `throwaway-${name}-`));
}
