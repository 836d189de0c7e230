// The writes of one process: the register first, as an application commits first, and then the cache.
import { now, pause } from './clock.mjs';
import { keysOf, owned, shared } from './keys.mjs';

const PROBE_MS = 20;

export class Writer {
  #owed = [];
  #watching;

  constructor(parts) {
    this.parts = parts;
  }

  /** A change to a key or a tag that others change as well. */
  async shared() {
    const { cache } = this.parts;
    const chance = Math.random();
    if (chance < 0.3) {
      const [tag, soft] = [Math.random() < 0.5 ? 't' : 'u', Math.random() < 0.3];
      const act = () => cache.invalidateTags([tag], { soft });
      return this.write(soft ? 'soft tag' : 'tag', keysOf(tag), soft, act);
    }
    const key = shared[Math.floor(Math.random() * shared.length)];
    return chance < 0.5
      ? this.write('expire', [key], true, () => cache.expire(key))
      : this.write('delete', [key], false, () => cache.delete(key));
  }

  /** A change to the key that only this process changes. */
  async own() {
    const { cache, me } = this.parts;
    const key = owned(me);
    return Math.random() < 0.7
      ? this.write('set', [key], false, ([version]) => cache.set(key, { version }))
      : this.write('delete', [key], false, () => cache.delete(key));
  }

  /** Resolves when nothing is owed to any store. */
  async settled() {
    await this.#watching;
  }

  /** What is still owed stays so. */
  giveUp() {
    for (const write of this.#owed.splice(0)) this.parts.record('writes', write);
  }

  /** The register first, then `act`, which gets the new versions and gives a receipt. */
  async write(verb, keys, soft, act) {
    const { register, record } = this.parts;
    const versions = await register('bump', keys);
    const entries = keys.map((key, at) => [key, versions[at]]);
    const invoked = now();
    const receipt = await act(versions);
    const resolved = now();
    const { l2, l3 } = receipt;
    const queued = l2 === 'queued' || l3 === 'queued';
    const write = { verb, entries, soft, invoked, resolved, queued, l2, l3 };
    if (!queued) return record('writes', { ...write, settled: resolved });
    this.#owed.push(write);
    this.#watching ??= this.#watch().finally(() => (this.#watching = undefined));
    return undefined;
  }

  /** A strict change is refused while anything is owed or away: the first one that is not says that all has been paid. */
  async #watch() {
    const { cache, record } = this.parts;
    while (this.#owed.length > 0) {
      const owed = this.#owed.length;
      const settled = now();
      try {
        await cache.delete('probe', { strict: true });
        for (const write of this.#owed.splice(0, owed)) record('writes', { ...write, settled });
      } catch {
        await pause(PROBE_MS);
      }
    }
  }
}
