// A Map: no bound, no ttl, nothing.

export const subjects = [
  {
    name: 'Map',
    kind: 'raw',
    tiers: ['l1'],
    open() {
      const map = new Map();
      const get = (key) => map.get(key);
      return {
        get,
        getOrSet: get,
        peek: get,
        set: (key, value) => void map.set(key, value),
        dropMemory: () => map.clear(),
        close: () => map.clear(),
      };
    },
  },
];
