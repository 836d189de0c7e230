// The keys of a soak: some are asked for often and some seldom, so that every tier has something to answer.

const PLAIN = 1_500;
const TAGS = 10;
const OF_A_TAG = 20;
const OWN = 50;

const many = (length, name) => Array.from({ length }, (_, at) => `${name}:${at}`);
const plain = many(PLAIN, 'plain');
const tags = many(TAGS, 'tag');

export const keysOf = (tag) => many(OF_A_TAG, `tagged:${tag}`);
export const tagsOf = (key) =>
  key.startsWith('tagged:') ? [key.split(':').slice(1, 3).join(':')] : [];

/** The keys as one process of `processes` uses them. */
export class Keys {
  #all;
  #own;
  #random;

  constructor({ me, processes, random }) {
    const own = (process) => many(OWN, `own:${process}`);
    const owned = Array.from({ length: processes }, (_, process) => own(process)).flat();
    // The order of popularity is the same everywhere.
    this.#all = shuffled([...plain, ...tags.flatMap(keysOf), ...owned]);
    this.#own = own(me);
    this.#random = random;
  }

  /** Popular ones often, as in a shop. */
  any() {
    return this.#all[Math.floor(this.#all.length ** this.#random()) - 1];
  }

  plain() {
    return this.#of(plain);
  }

  tag() {
    return this.#of(tags);
  }

  /** One that only this process changes. */
  own() {
    return this.#of(this.#own);
  }

  #of(list) {
    return list[Math.floor(this.#random() * list.length)];
  }
}

/** Neighbours in name are not neighbours in popularity. */
function shuffled(keys) {
  return keys.map((_, at) => keys[(at * 7_919) % keys.length]);
}
