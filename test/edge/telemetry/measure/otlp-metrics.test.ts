import { describe, expect, it, vi } from 'vitest';
import * as z from 'zod';
import { sendMetrics } from '../../../../edge/telemetry/measure/otlp-metrics.ts';
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

describe('an export of metrics', () => {
  it('does not follow a redirect: the other server would get the headers', async () => {
    const [collector, other] = [await startRawCollector(), await startRawCollector()];
    collector.answer(() => ({ status: 307, headers: { location: other.url } }));
    const log = { debug: vi.fn(), info: vi.fn(), warn: vi.fn(), error: vi.fn() };
    const sent: Promise<unknown>[] = [];
    sendMetrics({ waitUntil: (work) => sent.push(work) }, settingsFor(collector.url), log);
    await Promise.all(sent);
    expect(collector.exports).toHaveLength(1);
    expect(other.exports).toEqual([]);
    expect(log.warn).toHaveBeenCalledWith('metrics were not taken', { reason: 'status 307' });
  });
});

describe('the resource of an isolate', () => {
  it('has one instance id, in its spans and in its metrics', () => {
    const settings = settingsFor('http://127.0.0.1:4318');
    const [spans, metrics] = [edgeResource(settings), edgeResource(settings)];
    expect(metrics.attributes['service.instance.id']).toBe(spans.attributes['service.instance.id']);
  });
});
