import { expect, it } from 'vitest';
import { type Redis, startRedis } from '../carriers/support/brokers.ts';
import { LANGUAGES, programsOf } from './languages.ts';
import { traceOf } from './trace.ts';

let redis: Promise<Redis> | undefined;

it.for(LANGUAGES.filter(({ recordsSpans }) => recordsSpans))(
  'a call to a real Redis of an operation in $name is a child span of the attempt',
  async ({ name }, { skip }) => {
    const { worker } = await programsOf(name, skip);
    redis ??= startRedis();
    const { url, command } = await redis;
    const { attempt, children } = await traceOf(name, worker, { REDIS_URL: url });
    const calls = children.filter(({ attributes }) => {
      const system = attributes['db.system.name'] ?? attributes['db.system'];
      return system === 'redis';
    });
    const call = calls.find((span) => /^incr(?:by)?$/i.test(span.name));
    expect(call, calls.map((span) => span.name).join(', ')).toMatchObject({
      kind: 'CLIENT',
      parentSpanId: attempt.spanId,
      traceId: attempt.traceId,
    });
    // The call reached Redis, once.
    expect((await command('get', `orders:book-${name}`)).trim()).toBe('1');
  },
);
