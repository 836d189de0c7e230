/** What a trace shows of the cache: spans of a real SDK, over real servers and over two instances. */
import {
  context,
  propagation,
  ROOT_CONTEXT,
  SpanKind,
  trace,
  TraceFlags,
} from '@opentelemetry/api';
import { AsyncLocalStorageContextManager } from '@opentelemetry/context-async-hooks';
import {
  BasicTracerProvider,
  InMemorySpanExporter,
  SimpleSpanProcessor,
  type ReadableSpan,
} from '@opentelemetry/sdk-trace-base';
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from 'vitest';
import { CacheTracer } from '../../libs/multi-level-cache/src/telemetry/spans.js';
import { closeCaches, testCache, type TestCache } from '../support/cache.js';
import { newSecret, sealedCache } from '../support/sealed.js';
import { databaseUrl, freshNamespace, redisUrl } from '../support/servers.js';

const exporter = new InMemorySpanExporter();
const tracer = new BasicTracerProvider({
  spanProcessors: [new SimpleSpanProcessor(exporter)],
}).getTracer('test');

beforeAll(() => {
  context.setGlobalContextManager(new AsyncLocalStorageContextManager().enable());
});
afterAll(() => {
  context.disable();
  propagation.disable();
});
afterEach(async () => {
  await closeCaches();
  exporter.reset();
});

async function traced(
  given: Partial<Parameters<typeof testCache>[0]> = {},
  namespace = freshNamespace(),
): Promise<TestCache> {
  const made = await testCache({
    namespace,
    redis: redisUrl(),
    database: databaseUrl(),
    ...given,
  });
  made.cache.tracing.tracer = new CacheTracer(tracer);
  return made;
}

/** Runs work in a request that is traced. */
async function inRequest<T>(work: () => Promise<T>): Promise<T> {
  const span = tracer.startSpan('request', {}, ROOT_CONTEXT);
  try {
    return await context.with(trace.setSpan(ROOT_CONTEXT, span), work);
  } finally {
    span.end();
  }
}

const finished = (): ReadableSpan[] => exporter.getFinishedSpans();
const names = (): string[] => finished().map(({ name }) => name);

function named(name: string): ReadableSpan {
  const found = finished().filter((span) => span.name === name);
  expect([name, found.length]).toEqual([name, 1]);
  return found[0];
}

/** From a span up to the request. */
function wayUp(span: ReadableSpan | undefined): string[] {
  if (!span) return [];
  const { parentSpanContext: parent } = span;
  const above = finished().find((one) => one.spanContext().spanId === parent?.spanId);
  return [span.name, ...wayUp(above)];
}

describe('a request', () => {
  it('shows each tier that was asked, and the loader, under the call that needed them', async () => {
    const { cache } = await traced();
    await inRequest(() => cache.getOrSet('user:secret', () => 'v', { tags: ['tag:secret'] }));
    const call = 'cache.get_or_load default';
    expect(wayUp(named('cache.tier.get l2'))).toEqual(['cache.tier.get l2', call, 'request']);
    expect(wayUp(named('cache.tier.get l3'))).toEqual(['cache.tier.get l3', call, 'request']);
    expect(wayUp(named('cache.load default'))).toEqual(['cache.load default', call, 'request']);
    expect(named('cache.load default').attributes).toEqual({
      'mlcache.cache': 'default',
      'mlcache.trigger': 'miss',
    });
    expect(named(call).attributes).toEqual({
      'mlcache.cache': 'default',
      'mlcache.operation': 'get_or_load',
      'mlcache.result': 'miss',
      'mlcache.tier': 'none',
      'mlcache.coalesced': false,
      'mlcache.degraded': false,
    });
    expect(
      JSON.stringify(finished().map(({ attributes, name }) => [name, attributes])),
    ).not.toContain('secret');
  });

  it('says which tier answered, and nothing of a hit in memory', async () => {
    const namespace = freshNamespace();
    const [a, b] = [await traced({}, namespace), await traced({}, namespace)];
    await a.cache.getOrSet('k', () => 'v');
    await inRequest(() => b.cache.get('k'));
    expect(named('cache.get default').attributes).toMatchObject({
      'mlcache.result': 'hit',
      'mlcache.tier': 'l2',
    });
    expect(named('cache.tier.get l2').attributes['mlcache.result']).toBe('hit');
    exporter.reset();
    await inRequest(() => b.cache.get('k'));
    expect(names()).toEqual(['request']);
  });

  it('that is not recorded costs no span', async () => {
    const { cache } = await traced();
    await cache.getOrSet('k', () => 'v');
    await cache.delete('k');
    expect(names()).toEqual([]);
  });

  it('whose trace was not chosen to be recorded costs no span either', async () => {
    const { cache } = await traced();
    const begun = vi.spyOn(tracer, 'startSpan');
    const traceId = '0af7651916cd43dd8448eb211c80319c';
    const from = { traceId, spanId: 'b7ad6b7169203331', traceFlags: TraceFlags.NONE };
    await context.with(trace.setSpanContext(ROOT_CONTEXT, from), async () => {
      await cache.getOrSet('k', () => 'v');
      await cache.delete('k');
    });
    expect(begun).not.toHaveBeenCalled();
    begun.mockRestore();
  });

  it('that waits for the load of another one says so', async () => {
    const { cache } = await traced();
    let finish!: (value: string) => void;
    const loading = new Promise<string>((resolve) => (finish = resolve));
    const first = inRequest(() => cache.getOrSet('k', () => loading));
    const second = inRequest(() => cache.getOrSet('k', () => loading));
    finish('v');
    await Promise.all([first, second]);
    const calls = finished().filter(({ name }) => name === 'cache.get_or_load default');
    const coalesced = calls.map(({ attributes }) => attributes['mlcache.coalesced']);
    expect(new Set(coalesced)).toEqual(new Set([false, true]));
    expect(cache.stats().caches['default'].coalesced).toBe(1);
  });

  it('whose loader fails names the class of its error, and not what it says', async () => {
    const { cache } = await traced();
    await inRequest(() =>
      cache
        .getOrSet('k', () => {
          throw new RangeError('secret');
        })
        .catch(() => undefined),
    );
    for (const name of ['cache.load default', 'cache.get_or_load default']) {
      const { attributes, events, status } = named(name);
      expect(attributes['error.type']).toBe('RangeError');
      expect(status).toEqual({ code: 2 });
      expect(events).toEqual([]);
    }
  });

  it('shows its writes, and how many keys they were of', async () => {
    const { cache } = await traced();
    await inRequest(async () => {
      await cache.set('a', 1);
      await cache.deleteMany(['a', 'b']);
      await cache.invalidateTags(['t']);
      await cache.clear();
    });
    const counts = ['set', 'delete', 'invalidate_tags', 'clear'].map(
      (verb) => named(`cache.${verb} default`).attributes['mlcache.count'],
    );
    expect(counts).toEqual([1, 2, 1, 1]);
  });
});

it('a reload in the background has a trace of its own, linked with the request that began it', async () => {
  const { cache } = await traced({ defaults: { refreshAhead: 0.000_01 } });
  await cache.getOrSet('k', () => 1);
  exporter.reset();
  await inRequest(() => cache.getOrSet('k', () => 2));
  await expect.poll(() => names()).toContain('cache.load default');
  const load = named('cache.load default');
  const request = named('request').spanContext();
  expect(load.parentSpanContext).toBeUndefined();
  expect(load.spanContext().traceId).not.toBe(request.traceId);
  expect(load.links.map((link) => link.context.spanId)).toEqual([request.spanId]);
  expect(load.attributes['mlcache.trigger']).toBe('eager');
});

it.each([
  ['Redis', { database: undefined }],
  ['Redis, with PostgreSQL below it', {}],
  ['PostgreSQL', { redis: undefined }],
])('one trace shows a write and where it was heard: %s', async (_where, given) => {
  const namespace = freshNamespace();
  const [a, b] = [await traced(given, namespace), await traced(given, namespace)];
  await b.cache.getOrSet('k', () => 'old');
  await inRequest(() => a.cache.delete('k'));
  await expect.poll(() => names()).toContain('cache.backplane.apply');
  const heard = named('cache.backplane.apply');
  expect(heard.kind).toBe(SpanKind.CONSUMER);
  expect(heard.attributes).toEqual({ 'mlcache.operation': 'delete', 'mlcache.count': 1 });
  expect(wayUp(heard)).toEqual(['cache.backplane.apply', 'cache.delete default', 'request']);
  expect(await b.cache.get('k')).toBeUndefined();
  exporter.reset();
  // Nobody traces this one, and it is heard as well.
  await b.cache.getOrSet('k', () => 'old');
  await a.cache.delete('k');
  await expect.poll(() => b.cache.get('k')).toBeUndefined();
  expect(names()).toEqual([]);
});

it.each([
  ['Redis', { database: undefined }],
  ['PostgreSQL', { redis: undefined }],
])('so it does where messages are sealed, and none is refused: %s', async (_where, given) => {
  const [namespace, secret] = [freshNamespace(), newSecret()];
  const options = { namespace, redis: redisUrl(), database: databaseUrl(), ...given };
  const [a, b] = [await sealedCache(options, secret), await sealedCache(options, secret)];
  for (const { cache } of [a, b]) cache.tracing.tracer = new CacheTracer(tracer);
  await inRequest(() => a.cache.delete('k'));
  await expect.poll(() => names()).toContain('cache.backplane.apply');
  expect(wayUp(named('cache.backplane.apply')).at(-1)).toBe('request');
  expect([...a.refused, ...b.refused]).toEqual([]);
});

it('what goes on by itself is nobody’s trace', async () => {
  const made = await testCache({ namespace: freshNamespace() });
  made.cache.tracing.tracer = new CacheTracer(tracer);
  // As instrumentation of a client would, in what the cache has begun.
  const polled = made.cache.tracing.quietly(() => tracer.startSpan('poll').isRecording());
  expect(polled).toBe(false);
});
