import { describe, expect, it } from 'vitest';
import { startTracing } from '../../../../worker-node/telemetry/tracing.ts';

/** Starts tracing with these variables, without an endpoint, and gives its warnings. */
async function warningsOf(environment: Record<string, string>): Promise<string[]> {
  const warnings: string[] = [];
  const { on, shutdown } = await startTracing({
    serviceName: 'throughline-test',
    environment,
    debug: false,
    autoInstrument: false,
    getsBaggage: () => true,
    warn: (sentence) => void warnings.push(sentence),
  });
  await shutdown();
  expect(on).toBe(false);
  return warnings;
}

describe('tracing', () => {
  it('warns of each value that it cannot use, and starts all the same', async () => {
    const wrong = {
      OTEL_SDK_DISABLED: '1',
      OTEL_BSP_EXPORT_TIMEOUT: '-1',
      OTEL_RESOURCE_ATTRIBUTES: 'a=1,b',
      OTEL_LOG_LEVEL: 'loud',
      OTEL_EXPORTER_OTLP_PROTOCOL: 'grpc',
      OTEL_PROPAGATORS: 'b3',
    };
    expect(await warningsOf(wrong)).toEqual([
      'OTEL_SDK_DISABLED: must be true or false; the value is ignored',
      'OTEL_RESOURCE_ATTRIBUTES: must be a comma list of name=value, percent-encoded; the value is ignored',
      'OTEL_EXPORTER_OTLP_PROTOCOL: must be http/json; the value is ignored',
      expect.stringMatching(/^OTEL_PROPAGATORS: must be tracecontext,baggage or .*; the value is ignored$/),
      'OTEL_BSP_EXPORT_TIMEOUT: must be a whole number from 1 to 3600000; the value is ignored',
      expect.stringMatching(/^OTEL_LOG_LEVEL: must be none or .*; the value is ignored$/),
    ]);
  });

  it.each([
    {},
    { OTEL_EXPORTER_OTLP_PROTOCOL: 'HTTP/JSON', OTEL_PROPAGATORS: 'baggage, tracecontext' },
    { OTEL_EXPORTER_OTLP_PROTOCOL: '', OTEL_PROPAGATORS: '' },
    { OTEL_RESOURCE_ATTRIBUTES: 'service.namespace=jobs,team=a%20b', OTEL_LOG_LEVEL: 'DEBUG' },
    { OTEL_EXPORTER_OTLP_ENDPOINT: 'http://127.0.0.1:1', OTEL_SDK_DISABLED: 'TRUE' },
    { OTEL_EXPORTER_OTLP_ENDPOINT: 'http://127.0.0.1:1', OTEL_TRACES_EXPORTER: 'none' },
  ])('warns of nothing if all is well, and stays off: %j', async (environment: Record<string, string>) => {
    expect(await warningsOf(environment)).toEqual([]);
  });
});
