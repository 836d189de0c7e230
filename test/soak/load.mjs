// The requests of one process: open-loop, so that one that waits does not hold back the next, each with a deadline counted
// from the moment it was due.
import { setTimeout as sleep } from 'node:timers/promises';
import { now } from '../history/clock.mjs';
import { keysOf, tagsOf } from './keys.mjs';

const TICK_MS = 5;
/** What a request may take, ms: a read both budgets and its loader several times over, a write two stores that do not answer. */
const DEADLINE = { read: 250, write: 1_000 };
/** Every so many requests one is a write. */
const WRITE_EVERY = 20;

export class Load {
  #number = 0;
  #began = now();
  #timer;
  #running = new Set();
  /** Keys of one's own that are being changed: one change comes after the other. */
  #changing = new Set();
  #writing = true;
  counts = none();

  /** `writer` is the history's: it knows what is owed. */
  constructor({ cache, writer, keys, record, register, asking, random, perSecond }) {
    Object.assign(this, { cache, writer, keys, record, register, asking, random, perSecond });
  }

  start() {
    this.#began = now();
    this.#timer = setInterval(() => this.#tick(), TICK_MS);
  }

  reset() {
    this.counts = none();
  }

  /** Reads go on; resolves when nothing is owed to any store. */
  async stopWriting() {
    this.#writing = false;
    await Promise.all(this.#running);
    await this.writer.settled();
  }

  async stop() {
    clearInterval(this.#timer);
    await Promise.all(this.#running);
  }

  #tick() {
    const due = () => this.#began + (this.#number * 1_000) / this.perSecond;
    for (; due() <= now(); this.#number++) {
      const request = this.#request(this.#number, due());
      this.#running.add(request);
      void request.finally(() => this.#running.delete(request));
    }
  }

  async #request(number, due) {
    const { counts } = this;
    counts.requests++;
    const kind = this.#writing && number % WRITE_EVERY === 0 ? 'write' : 'read';
    try {
      const by = await (kind === 'write' ? this.#write() : this.#read());
      const end = now();
      counts.longest = Math.max(counts.longest, end - due);
      if (end - due <= DEADLINE[kind]) return;
      counts.late++;
      this.record('lates', { kind, by, start: due, end });
    } catch (error) {
      counts.failed++;
      this.record('errors', { at: now(), text: String(error?.code ?? error) });
    }
  }

  async #read() {
    const { asking, cache, keys, random, record } = this;
    const key = keys.any();
    const verb = random() < 0.9 ? 'getOrSet' : 'get';
    const read = { key, verb, by: undefined, begin: now() };
    const value = await asking.run(read, () =>
      verb === 'get'
        ? cache.get(key)
        : cache.getOrSet(key, () => this.#load(key), { tags: tagsOf(key) }),
    );
    if (value !== undefined) record('reads', { ...read, end: now(), version: value.version });
    return read.by;
  }

  /** What is read may be old before it is stored. */
  async #load(key) {
    const begin = now();
    await sleep(1 + this.random() * 2);
    const [version] = await this.register('read', [key]);
    await sleep(1 + this.random() * 2);
    this.record('loads', { key, begin, end: now(), version });
    return {
      version,
      text: 'a value of about one hundred bytes, which is what most of them are here',
    };
  }

  #write() {
    const { cache, keys, random, writer } = this;
    const chance = random();
    if (chance < 0.1) {
      const tag = keys.tag();
      return writer.write('tag', keysOf(tag), false, () => cache.invalidateTags([tag]));
    }
    const own = keys.own();
    if (chance < 0.4 && !this.#changing.has(own)) return this.#set(own);
    const key = keys.plain();
    return writer.write('delete', [key], false, () => cache.delete(key));
  }

  async #set(key) {
    this.#changing.add(key);
    try {
      await this.writer.write('set', [key], false, ([version]) => this.cache.set(key, { version }));
    } finally {
      this.#changing.delete(key);
    }
  }
}

function none() {
  return { requests: 0, failed: 0, late: 0, longest: 0 };
}
