import type { ServerResponse } from 'node:http';
import { BasicTracerProvider, type ReadableSpan } from '@opentelemetry/sdk-trace-base';
import { describe, expect, it } from 'vitest';
import { otlpSender } from '../../../../edge/telemetry/export/otlp.ts';
import type { OtlpTarget } from '../../../../shared/trace/settings/otlp-settings.ts';
import { answer, serve } from '../../../support/cli/servers.ts';
import { type RawCollector, startRawCollector } from '../../../support/http/raw-collector.ts';

const SPAN = new BasicTracerProvider().getTracer('test').startSpan('test') as unknown as ReadableSpan;
const SPANS = [SPAN, SPAN, SPAN];
/** Long enough for a real answer on a busy machine. */
const TIMEOUT_MS = 2_000;

/** A sender to a collector. Its pauses pass at once, and are noted. */
function senderTo({ url }: Pick<RawCollector, 'url'>, more: Partial<OtlpTarget> = {}) {
  const pauses: number[] = [];
  const clock = { ms: 1_700_000_000_000 };
  const send = otlpSender(
    { url: `${url}/v1/traces`, headers: {}, gzip: false, timeoutMs: TIMEOUT_MS, ...more },
    {
      totalMs: 20_000,
      now: () => clock.ms,
      wait: async (ms) => {
        pauses.push(ms);
        clock.ms += ms;
      },
    },
  );
  return { send, pauses, clock };
}

describe('an export', () => {
  it('is plain JSON by default, and has the headers of the target', async () => {
    const collector = await startRawCollector();
    const { send } = senderTo(collector, { headers: { 'x-key': 'k' } });
    expect(await send(SPANS)).toMatchObject({ lost: 0 });
    expect(collector.exports[0]?.headers).toMatchObject({ 'x-key': 'k', 'content-type': 'application/json' });
    expect(collector.exports[0]?.headers).not.toHaveProperty('content-encoding');
    expect(collector.spans()).toHaveLength(3);
  });

  it('is zipped if the target wants that', async () => {
    const collector = await startRawCollector();
    const { send } = senderTo(collector, { gzip: true });
    expect(await send(SPANS)).toMatchObject({ lost: 0 });
    expect(collector.exports[0]?.headers).toMatchObject({ 'content-encoding': 'gzip' });
    expect(collector.spans()).toHaveLength(3);
  });

  it('does not follow a redirect: the other server would get the headers', async () => {
    const collector = await startRawCollector();
    const other = await startRawCollector();
    collector.answer(() => ({ status: 307, headers: { location: other.url } }));
    const { send } = senderTo(collector, { headers: { authorization: 'secret' } });
    expect(await send(SPANS)).toMatchObject({ lost: 3, reason: 'status 307' });
    expect(other.exports).toEqual([]);
  });
});

describe('a collector that does not answer', () => {
  it('is asked once more, and may answer then', async () => {
    const collector = await startRawCollector();
    collector.answer((count) => (count === 1 ? undefined : {}));
    expect(await senderTo(collector).send(SPANS)).toMatchObject({ lost: 0 });
    expect(collector.exports).toHaveLength(2);
  });

  it('is given up after three tries, with the reason', async () => {
    const collector = await startRawCollector();
    collector.answer(() => undefined);
    const { send, pauses } = senderTo(collector, { timeoutMs: 300 });
    const reason = expect.stringContaining('the time is over') as string;
    expect(await send(SPANS)).toEqual({ lost: 3, reason, pauseMs: 0 });
    expect([collector.exports.length, pauses]).toEqual([3, [1_000, 3_000]]);
  });

  it('loses the spans if nobody listens, and the reason hides its address', async () => {
    const { send } = senderTo(
      { url: 'http://127.0.0.1:1' },
      { url: 'http://127.0.0.1:1/v1/traces?key=canary' },
    );
    const { lost, reason } = await send(SPANS);
    expect(lost).toBe(3);
    expect(reason).toBeTruthy();
    expect(reason).not.toContain('canary');
  });
});

describe('a collector whose answer has no end', () => {
  it.each<[string, (response: ServerResponse) => unknown]>([
    ['the connection breaks', (response) => response.destroy()],
    ['the rest never comes', () => undefined],
  ])('is asked once more, since nobody knows what it took: %s', async (_case, leave) => {
    const { url, seen } = await serve((_request, response) => {
      if (seen.length > 1) return answer(200, {});
      response.writeHead(200, { 'content-type': 'application/json', 'content-length': '100' });
      response.write('{', () => leave(response));
      return undefined;
    });
    expect(await senderTo({ url }, { timeoutMs: 500 }).send(SPANS)).toMatchObject({ lost: 0 });
    expect(seen).toHaveLength(2);
  });

  it('loses the spans, with the reason, if that goes on', async () => {
    const { url } = await serve((_request, response) => {
      response.writeHead(200, { 'content-type': 'application/json' });
      response.write('{"partialSuccess":{"rejectedSpans":"2"');
      return undefined;
    });
    const { lost, reason } = await senderTo({ url }, { timeoutMs: 300 }).send(SPANS);
    expect([lost, reason]).toEqual([3, expect.stringContaining('the time is over')]);
  });
});

describe('a collector that refuses an export', () => {
  it.each([400, 401, 404, 413, 500, 501])('with %s is not asked again', async (status) => {
    const collector = await startRawCollector();
    collector.answer(() => ({ status }));
    const { send } = senderTo(collector);
    expect(await send(SPANS)).toEqual({ lost: 3, reason: `status ${status}`, pauseMs: 0 });
    expect(collector.exports).toHaveLength(1);
  });

  it.each([429, 502, 503, 504])('for the moment with %s is asked again', async (status) => {
    const collector = await startRawCollector();
    collector.answer((count) => ({ status: count === 1 ? status : 200 }));
    const { send, pauses } = senderTo(collector);
    expect(await send(SPANS)).toMatchObject({ lost: 0 });
    expect(pauses).toEqual([1_000]);
  });

  it.each([
    ['7', 7_000],
    [new Date(1_700_000_000_000 + 9_000).toUTCString(), 9_000],
    ['soon', 1_000],
    ['0', 1_000],
    ['-5', 1_000],
    [new Date(1_600_000_000_000).toUTCString(), 1_000],
  ])('until a time is asked again then: Retry-After %s', async (retryAfter, pauseMs) => {
    const collector = await startRawCollector();
    collector.answer((count) => (count === 1 ? { status: 429, headers: { 'retry-after': retryAfter } } : {}));
    const { send, pauses } = senderTo(collector);
    expect(await send(SPANS)).toMatchObject({ lost: 0 });
    expect(pauses).toEqual([pauseMs]);
  });

  it.each([
    ['30', 30_000],
    ['86400', 60_000],
  ])(
    'for longer than an export may take loses the spans, and pauses exports for a minute at most: %s',
    async (seconds, pauseMs) => {
      const collector = await startRawCollector();
      collector.answer(() => ({ status: 503, headers: { 'retry-after': seconds } }));
      const { send, pauses } = senderTo(collector);
      expect(await send(SPANS)).toEqual({ lost: 3, reason: 'status 503', pauseMs });
      expect([collector.exports.length, pauses]).toEqual([1, []]);
    },
  );
});

it('a web page is not the answer of a collector, so its spans are lost, and the export is not tried again', async () => {
  const collector = await startRawCollector();
  collector.answer(() => ({ body: '<!doctype html><p>welcome' }));
  const { lost, reason } = await senderTo(collector).send(SPANS);
  expect([lost, reason]).toEqual([3, 'the answer is a web page: the endpoint is not that of a collector']);
  expect(collector.exports).toHaveLength(1);
});

describe('a collector that takes a part of an export', () => {
  const answered = async (body: string) => {
    const collector = await startRawCollector();
    collector.answer(() => ({ body }));
    return await senderTo(collector).send(SPANS);
  };

  it.each<[string, number]>([
    ['{"partialSuccess":{"rejectedSpans":"2","errorMessage":"too old"}}', 2],
    ['{"partialSuccess":{"rejectedSpans":2,"errorMessage":"too old"}}', 2],
    ['{"partialSuccess":{"rejectedSpans":"99","errorMessage":"too old"}}', 3],
    ['{ "partialSuccess" : { "errorMessage" : "too old" , "rejectedSpans" : "1" } }', 1],
    ['{"partial_success":{"rejected_spans":"2","error_message":"too old"}}', 2],
  ])('says how many spans it refused: %s', async (body, lost) => {
    expect(await answered(body)).toEqual({ lost, why: 'rejected', reason: 'rejected: too old' });
  });

  it.each([
    '{}',
    '',
    'null',
    'ok',
    '{"partialSuccess":{}}',
    '{"partialSuccess":{"rejectedSpans":"0","errorMessage":"slow down"}}',
    '{"partialSuccess":{"rejectedSpans":"many"}}',
    '{"partialSuccess":{"rejectedSpans":-1}}',
    '{"partialSuccess":null}',
    '{"partialSuccess":{"errorMessage":"{\\"rejectedSpans\\":3}"}}',
  ])('has refused none if it says nothing that can be read: %s', async (body) => {
    expect((await answered(body)).lost).toBe(0);
  });

  it('cannot make a reason as long as it likes', async () => {
    const body = JSON.stringify({ partialSuccess: { rejectedSpans: 1, errorMessage: 'x'.repeat(50_000) } });
    const { lost, reason } = await answered(body);
    expect(lost).toBe(1);
    expect(reason?.length).toBeLessThan(300);
  });
});
