// The reads of one process: three verbs over all keys, with loaders that take their time and sometimes fail.
import { now, pause } from './clock.mjs';
import { allKeys, tagsOf } from './keys.mjs';

const PLANNED = 'planned';

export class Reader {
  #keys;

  constructor(parts) {
    this.parts = parts;
    this.#keys = allKeys(parts.processes);
  }

  async step() {
    const { cache, asking, mode, record } = this.parts;
    const key = this.#keys[Math.floor(Math.random() * this.#keys.length)];
    const chance = Math.random();
    // A look into memory asks nobody, so it promises nothing strong.
    const look = mode === 'strong' ? 'get' : 'peek';
    const verb = chance < 0.6 ? 'getOrSet' : chance < 0.8 ? 'get' : look;
    const read = { key, verb, by: verb === 'peek' ? 'l1' : undefined, begin: now() };
    let value;
    try {
      value = await asking.run(read, () =>
        verb === 'getOrSet' ? this.#getOrSet(key) : cache[verb](key),
      );
    } catch (error) {
      if (error?.message !== PLANNED) throw error;
      return;
    }
    if (value !== undefined) record('reads', { ...read, end: now(), version: value.version });
  }

  #getOrSet(key) {
    const { cache } = this.parts;
    // Some are in a hurry, so that what is stale has occasion to stand in.
    const hurry = Math.random() < 0.2 ? { timeout: 5 } : {};
    return cache.getOrSet(key, () => this.#load(key), { tags: tagsOf(key), ...hurry });
  }

  /** Straddles invalidations: what it has read may be old before it is stored. */
  async #load(key) {
    const { register, record } = this.parts;
    const begin = now();
    const slow = Math.random() < 0.1 ? 80 : 4;
    await pause(slow);
    const [version] = await register('read', [key]);
    await pause(slow);
    record('loads', { key, begin, end: now(), version });
    if (Math.random() < 0.03) throw new Error(PLANNED);
    return { version };
  }
}
