// Ways to ask. What is there must be found: a miss ends the benchmark.

const miss = (key) => {
  throw new Error(`no answer for ${key}, which is there`);
};

async function oneByOne(ask, count, order) {
  const mask = order.length - 1;
  for (let at = 0; at < count; at++) {
    const key = order[at & mask];
    if ((await ask(key)) === undefined) miss(key);
  }
}

function synchronously(ask, count, order) {
  const mask = order.length - 1;
  for (let at = 0; at < count; at++) {
    const key = order[at & mask];
    if (ask(key) === undefined) miss(key);
  }
}

/** So many asked at once, then as many again. */
async function together(ask, count, order, width) {
  const mask = order.length - 1;
  for (let at = 0; at < count; at += width) {
    const asked = [];
    for (let more = 0; more < width; more++) asked.push(ask(order[(at + more) & mask]));
    for (const answer of await Promise.all(asked)) if (answer === undefined) miss('a key');
  }
}

/** So many callers, each of whom asks again as soon as it has its answer. */
async function inFlight(ask, count, order, width) {
  const mask = order.length - 1;
  let next = 0;
  const caller = async () => {
    while (next < count) {
      const key = order[next++ & mask];
      if ((await ask(key)) === undefined) miss(key);
    }
  };
  await Promise.all(Array.from({ length: width }, caller));
}

/** One call for so many keys, then for the next ones; `count` is of keys. */
async function inBulk(ask, count, order, width) {
  for (let at = 0; at + width <= Math.min(count, order.length); at += width) {
    const answer = await ask(order.slice(at, at + width));
    if ((answer.size ?? answer.length) !== width) miss('a key');
  }
}

/** So many writers, each of whom writes again as soon as it has written. */
async function writing(write, count, order, width, valueOf) {
  const mask = order.length - 1;
  let next = 0;
  const writer = async () => {
    while (next < count) {
      const key = order[next++ & mask];
      await write(key, valueOf(key));
    }
  };
  await Promise.all(Array.from({ length: width }, writer));
}

export const loops = { oneByOne, synchronously, together, inFlight, inBulk, writing };
