// The same keys, values and orders of asking for every subject.

const TEXT = 'Lorem ipsum dolor sit amet, consectetur adipiscing elit, sed do eiusmod tempor. ';

/** An object of about 100 bytes of JSON. */
const small = (id) => ({
  id,
  name: 'a value of about one hundred bytes',
  tags: ['one', 'two'],
  price: 19.99,
  stock: true,
});

/** A product with its variants; each of these is about 200 bytes of JSON. */
const nested = (id, variants) => ({
  ...small(id),
  description: TEXT,
  variants: Array.from({ length: variants }, (_none, at) => ({
    sku: `sku-${id}-${at}`,
    title: TEXT.slice(0, 60),
    price: 19.99 + at,
    size: { width: at * 10, height: 2.5, unit: 'mm' },
    labels: ['new', 'sale', `shelf-${at}`],
  })),
});

/** By the size of their JSON text. */
export const VALUES = {
  '100 B': small,
  '1 KiB': (id) => nested(id, 4),
  '10 KiB': (id) => nested(id, 49),
};

/** Of a hot set; a key's value has its number as `id`. */
export const HOT = 1_000;
/** Below memory: what is asked for there is the tail, in which no key is popular. */
export const TAIL = 8_192;

export const keysOf = (count) => Array.from({ length: count }, (_none, id) => `product:${id}`);

/** A power of two, so that a place in it costs no division. */
const LENGTH = 1 << 14;
const GOLDEN = 0.618_033_988_7;

/** Popular ones often, by Zipf's law. */
export const popular = (keys) =>
  Array.from(
    { length: LENGTH },
    (_none, at) => keys[Math.floor(keys.length ** ((at * GOLDEN) % 1)) - 1],
  );

/** Each as often as any other, and none twice at about the same time. */
export const even = (keys) =>
  Array.from(
    { length: LENGTH },
    (_none, at) => keys[Math.floor(keys.length * ((at * GOLDEN) % 1))],
  );

/** Each once, of a power of two of them, neighbours far apart. */
export const once = (keys) => keys.map((_key, at) => keys[(at * 5_003) & (keys.length - 1)]);
