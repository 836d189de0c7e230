// The application processes of one run as the parent sees them, and the register of versions they all ask.
import { fork } from 'node:child_process';
import { fileURLToPath } from 'node:url';

const PROGRAM = fileURLToPath(new URL('./instance.mjs', import.meta.url));
const PATIENCE_MS = 15_000;
const LISTS = ['reads', 'writes', 'loads', 'tiers', 'stalls', 'errors'];

/** What an application's database would be: one number per key, which only rises. */
export class Register {
  #versions = new Map();

  read = (keys) => keys.map((key) => this.#versions.get(key) ?? 0);

  bump(keys) {
    for (const key of keys) this.#versions.set(key, (this.#versions.get(key) ?? 0) + 1);
    return this.read(keys);
  }
}

/** Starts them all; `stop` ends the writes, and `end` the processes. */
export class Processes {
  log = Object.fromEntries(LISTS.map((list) => [list, []]));
  #register = new Register();
  #children;

  /** One for each of `arguments_`; another program than the history's says more lists. */
  static async start(arguments_, { program = PROGRAM, execArgv = [], lists = [] } = {}) {
    const processes = new Processes(arguments_, { program, execArgv });
    for (const list of lists) processes.log[list] = [];
    try {
      await Promise.all(processes.#children.map((child) => heard(child, 'ready')));
    } catch (error) {
      processes.kill();
      throw error;
    }
    return processes;
  }

  constructor(arguments_, { program, execArgv }) {
    this.#children = arguments_.map((one) => {
      const child = fork(program, [JSON.stringify(one)], { execArgv });
      child.on('message', (message) => this.#hear(child, message));
      return child;
    });
  }

  /** No more writes; resolves when nothing is owed to any store, or after a while. Tells how many still owe something. */
  stop() {
    return this.#order('stop', 'quiet');
  }

  async end() {
    await this.#order('end', 'ended');
    this.kill();
  }

  /** An order that is not answered. */
  tell(order) {
    for (const child of this.#children) if (child.connected) child.send({ order });
  }

  /** How many have ended although nobody told them to. */
  get gone() {
    return this.#children.filter(({ exitCode, signalCode }) => exitCode ?? signalCode).length;
  }

  kill() {
    for (const child of this.#children) if (child.exitCode === null) child.kill('SIGKILL');
  }

  async #order(order, answer) {
    const answers = this.#children.map((child) => heard(child, answer));
    this.tell(order);
    const settled = await Promise.allSettled(answers);
    return settled.filter(({ status }) => status === 'rejected').length;
  }

  #hear(child, { ask, verb, keys, log }) {
    if (ask !== undefined) child.send({ id: ask, versions: this.#register[verb](keys) });
    for (const list of Object.keys(log ?? {}))
      for (const one of log[list]) this.log[list].push(one);
  }
}

function heard(child, word) {
  return new Promise((resolve, reject) => {
    const end = (act, value) => {
      clearTimeout(timer);
      child.off('message', hear);
      child.off('exit', gone);
      act(value);
    };
    const hear = (message) => {
      if (message.failed) end(reject, new Error(message.failed));
      else if (message[word]) end(resolve);
    };
    const gone = (code) => end(reject, new Error(`a process ended with ${code}`));
    const timer = setTimeout(() => end(reject, new Error(`no ${word}`)), PATIENCE_MS);
    child.on('message', hear);
    child.once('exit', gone);
  });
}
