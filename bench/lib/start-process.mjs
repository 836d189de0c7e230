// A process that starts, answers one question, and says so.
const { what, file, name, tiers, redisUrl } = JSON.parse(process.argv[2]);

const STARTS = {
  node: () => undefined,
  nest: async () => {
    await import('reflect-metadata');
    const { NestFactory } = await import('@nestjs/core');
    class Application {}
    await NestFactory.createApplicationContext({ module: Application }, { logger: false });
  },
  subject: async () => {
    const { subjects } = await import(`../subjects/${file}.mjs`);
    const subject = subjects.find((one) => one.name === name);
    const load = () => ({ id: 1 });
    const cache = await subject.open({ tiers, redisUrl, maxEntries: 10_000, load, metrics: false });
    await (cache.getOrSet ?? cache.get)('product:1');
  },
};

await STARTS[what]();
process.send({ result: true }, () => process.exit(0));
