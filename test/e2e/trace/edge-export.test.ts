import { beforeEach, expect, it } from 'vitest';
import { metricOf } from '../../support/http/metrics.ts';
import { type RawCollector, startRawCollector } from '../../support/http/raw-collector.ts';
import { until } from '../../support/poll.ts';
import { startTestStack, type TestStack } from '../../support/stack.ts';

let collector: RawCollector;
let stack: TestStack;
beforeEach(async () => {
  collector ??= await startRawCollector();
  collector.answer(() => ({}));
  stack ??= await startTestStack({
    edge: {
      OTEL_EXPORTER_OTLP_ENDPOINT: collector.url,
      OTEL_EXPORTER_OTLP_COMPRESSION: 'gzip',
      OTEL_EXPORTER_OTLP_HEADERS: 'x-team=a%20b',
      OTEL_SPAN_ATTRIBUTE_COUNT_LIMIT: '5',
      OTEL_BSP_SCHEDULE_DELAY: '10',
    },
  });
});

/** Sends a request that makes one span, and waits until the collector has the span. */
async function sendOne(): Promise<void> {
  const { port } = new URL(stack.url);
  const path = `/nothing/${port}/${crypto.randomUUID()}`;
  await (await stack.call(path)).arrayBuffer();
  await collector.waitForSpan(({ attributes }) => attributes['url.path'] === path);
}

/** What `/metrics` says about lost spans. */
const lost = (reason: string): Promise<number> =>
  metricOf(stack.url, 'throughline_edge_lost_spans_total', `reason="${reason}"`);

it('the edge zips its exports, sends the headers, and keeps to the limits of OpenTelemetry’s variables', async () => {
  await sendOne();
  expect(collector.exports[0]?.headers).toMatchObject({ 'content-encoding': 'gzip', 'x-team': 'a b' });
  for (const { attributes } of collector.spans())
    expect(Object.keys(attributes).length).toBeLessThanOrEqual(5);
});

it('spans that a collector refuses out of an export are counted by the edge, and said', async () => {
  collector.answer(() => ({ body: '{"partialSuccess":{"rejectedSpans":"1","errorMessage":"too old"}}' }));
  await sendOne();
  await until('the loss to be counted', async () => (await lost('rejected')) === 1);
  const [line] = await stack.logged(({ msg }) => msg === 'spans were lost');
  expect(line).toMatchObject({ level: 'warn', rejected: 1, reason: 'rejected: too old' });
  // It is about no request in particular.
  expect(line).not.toHaveProperty('trace_id');
});

it('the edge sends spans again when the time has come that a collector asks for', async () => {
  const before = await lost('exportFailed');
  const { length } = collector.exports;
  let at = 0;
  collector.answer((count) => {
    if (count > length + 1) return {};
    at = Date.now();
    return { status: 429, headers: { 'retry-after': '2' } };
  });
  await sendOne();
  await until('the second try', () => collector.exports.length > length + 1);
  expect(Date.now() - at).toBeGreaterThanOrEqual(1_900);
  expect(await lost('exportFailed')).toBe(before);
});

it('spans that a busy collector does not take for too long are counted', async () => {
  const before = await lost('exportFailed');
  collector.answer(() => ({ status: 503, headers: { 'retry-after': '3600' } }));
  await sendOne();
  await until('the loss to be counted', async () => (await lost('exportFailed')) > before);
  expect((await stack.run('echo', 'still here')).result).toBe('still here');
});
