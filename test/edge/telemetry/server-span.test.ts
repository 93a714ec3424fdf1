import { SpanStatusCode } from '@opentelemetry/api';
import { BasicTracerProvider, type ReadableSpan } from '@opentelemetry/sdk-trace-base';
import { describe, expect, it } from 'vitest';
import { describeAnswer } from '../../../edge/telemetry/server-span.ts';
import { ThroughlineError } from '../../../shared/errors.ts';

/** The span of a request with a certain answer. */
function answered(answer: Partial<Parameters<typeof describeAnswer>[2]>, method = 'GET'): ReadableSpan {
  const span = new BasicTracerProvider().getTracer('it').startSpan(method);
  describeAnswer(span, { method }, { status: 200, route: undefined, error: undefined, ...answer });
  return span as unknown as ReadableSpan;
}

describe('the span of an answer', () => {
  it.each([200, 202, 304, 400, 401, 404, 429, 499])('is no error: %s', (status) => {
    const { status: shown, attributes } = answered({ status });
    expect(shown.code).toBe(SpanStatusCode.UNSET);
    expect(attributes).toEqual({ 'http.response.status_code': status });
  });

  it.each([500, 502, 503, 504])('is an error: %s', (status) => {
    const { status: shown, attributes } = answered({ status });
    expect(shown).toEqual({ code: SpanStatusCode.ERROR });
    expect(attributes['error.type']).toBe(String(status));
  });

  it('names the code of the error that a route threw', () => {
    const error = new ThroughlineError('broker-unavailable', 'NATS is away');
    const { attributes, events } = answered({ status: 503, error });
    expect(attributes['error.type']).toBe('broker-unavailable');
    expect(events).toEqual([]);
  });

  it('has an exception with its stack for an error that nobody expected', () => {
    const { attributes, events } = answered({ status: 500, error: new TypeError('x is not a function') });
    expect(attributes['error.type']).toBe('internal');
    expect(events).toMatchObject([
      {
        name: 'exception',
        attributes: {
          'exception.type': 'TypeError',
          'exception.message': 'x is not a function',
          'exception.stacktrace': expect.stringContaining('server-span.test.ts') as string,
        },
      },
    ]);
  });

  it('has the method and the route as its name', () => {
    expect(answered({ route: '/v1/jobs/:id' }).name).toBe('GET /v1/jobs/:id');
    expect(answered({ route: '/v1/jobs' }, 'PURGE').name).toBe('HTTP /v1/jobs');
    expect(answered({}).name).toBe('GET');
  });
});
