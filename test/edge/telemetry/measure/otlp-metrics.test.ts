import { context, ROOT_CONTEXT, trace } from '@opentelemetry/api';
import { AsyncLocalStorageContextManager } from '@opentelemetry/context-async-hooks';
import { describe, expect, it, vi } from 'vitest';
import * as z from 'zod';
import { edgeResource } from '../../../../edge/telemetry/resource.ts';
import { BATCH_DEFAULTS, telemetrySettings } from '../../../../edge/telemetry/settings.ts';
import { readOtelSettings } from '../../../../shared/trace/settings/otel-settings.ts';
import { startRawCollector } from '../../../support/http/raw-collector.ts';

/** Settings that send metrics to an address. */
function settingsFor(url: string) {
  const values = {
    OTEL_METRICS_EXPORTER: 'otlp',
    OTEL_EXPORTER_OTLP_ENDPOINT: url,
    OTEL_EXPORTER_OTLP_HEADERS: 'x-key=secret',
  };
  return { ...z.object(telemetrySettings).parse({}), ...readOtelSettings(values, BATCH_DEFAULTS).settings };
}

/** Sends the metrics of a new isolate. @returns what it warns of */
async function send(url: string, warn = vi.fn()): Promise<typeof warn> {
  vi.resetModules();
  const { sendMetrics } = await import('../../../../edge/telemetry/measure/otlp-metrics.ts');
  const log = { debug: vi.fn(), info: vi.fn(), warn, error: vi.fn() };
  const sent: Promise<unknown>[] = [];
  sendMetrics({ waitUntil: (work) => sent.push(work) }, settingsFor(url), log);
  await Promise.all(sent);
  return warn;
}

describe('an export of metrics', () => {
  it('does not follow a redirect: the other server would get the headers', async () => {
    const collector = await startRawCollector();
    const other = await startRawCollector();
    collector.answer(() => ({ status: 307, headers: { location: other.url } }));
    const warn = await send(collector.url);
    expect(collector.exports).toHaveLength(1);
    expect(other.exports).toEqual([]);
    expect(warn).toHaveBeenCalledWith('metrics were not taken', { reason: 'status 307' });
  });

  it.each([
    ['{"partialSuccess":{"rejectedDataPoints":"4","errorMessage":"many"}}', 'metrics were not taken'],
    ['{"partialSuccess":{"rejectedDataPoints":"0","errorMessage":"many"}}', 'the collector warns'],
    ['{"partialSuccess":{}}', undefined],
  ])('has a line if a collector takes it without some of it, or with a warning: %s', async (body, line) => {
    const collector = await startRawCollector();
    collector.answer(() => ({ body }));
    const warn = await send(collector.url);
    expect(warn.mock.calls).toEqual(
      line === undefined ? [] : [[line, { reason: expect.stringContaining('many') }]],
    );
  });
});

it('a line about an export of metrics does not have the ids of the request in which it was sent', async () => {
  context.setGlobalContextManager(new AsyncLocalStorageContextManager().enable());
  const collector = await startRawCollector();
  collector.answer(() => ({ status: 400 }));
  const warn = vi.fn(() => trace.getActiveSpan());
  const request = { traceId: '4bf92f3577b34da6a3ce929d0e0e4736', spanId: '00f067aa0ba902b7', traceFlags: 1 };
  await context.with(trace.setSpanContext(ROOT_CONTEXT, request), () => send(collector.url, warn));
  expect(warn.mock.results).toEqual([{ type: 'return', value: undefined }]);
});

describe('the resource of an isolate', () => {
  it('has one instance id, in its spans and in its metrics', () => {
    const settings = settingsFor('http://127.0.0.1:4318');
    const spans = edgeResource(settings);
    const metrics = edgeResource(settings);
    expect(metrics.attributes['service.instance.id']).toBe(spans.attributes['service.instance.id']);
  });
});
