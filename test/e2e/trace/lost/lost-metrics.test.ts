import { expect, it } from 'vitest';
import { makeLogs, makeSpans, sendMetrics } from '../../../support/spans/make-spans.ts';
import { otlpReceiver } from '../../../support/spans/otlp-receiver.ts';

const NONE = { queueFull: 0, exportFailed: 0, rejected: 0 };

it.each([
  ['TRACES', '/v1/traces', makeSpans],
  ['METRICS', '/v1/metrics', sendMetrics],
  ['LOGS', '/v1/logs', makeLogs],
] as const)(
  'a header that cannot be sent is left out and named at the start, and %s arrive',
  async (signal, path, send) => {
    const { url, requests } = await otlpReceiver();
    for (const name of ['OTEL_EXPORTER_OTLP_HEADERS', `OTEL_EXPORTER_OTLP_${signal}_HEADERS`])
      for (const bad of ['a%0Ab', '%E2%82%AC']) {
        const { warnings, counts } = await send({
          OTEL_EXPORTER_OTLP_ENDPOINT: url,
          OTEL_TRACES_EXPORTER: signal === 'TRACES' ? 'otlp' : 'none',
          [name]: `x-good=1,x-bad=${bad}`,
        });
        expect(counts).toEqual(NONE);
        expect(warnings).toEqual([
          `${name}: member 2 is not a name=value that a header can hold, so it is ignored`,
        ]);
        const request = requests.pop();
        expect([request?.url, request?.headers['x-good'], request?.headers['x-bad']]).toEqual([
          path,
          '1',
          undefined,
        ]);
      }
  },
);

it('metrics that the collector refuses are counted by their data points, and said', async () => {
  const { url } = await otlpReceiver({ status: 500 });
  const { counts, said } = await sendMetrics({
    OTEL_EXPORTER_OTLP_ENDPOINT: url,
    OTEL_TRACES_EXPORTER: 'none',
  });
  expect(counts).toEqual({ ...NONE, exportFailed: expect.any(Number) });
  expect(counts.exportFailed).toBeGreaterThan(0);
  expect(said).toEqual([{ signal: 'metrics', ...counts, reason: 'status 500' }]);
});

it('metrics that the collector takes in part are counted, with what it says about the rest', async () => {
  const partialSuccess = { rejectedDataPoints: 3, errorMessage: 'too old' };
  const { url } = await otlpReceiver({ body: { partialSuccess } });
  const { counts, said } = await sendMetrics({
    OTEL_EXPORTER_OTLP_ENDPOINT: url,
    OTEL_TRACES_EXPORTER: 'none',
  });
  expect(counts).toEqual({ ...NONE, rejected: 3 });
  expect(said).toMatchObject([{ reason: 'the collector rejected data points: too old' }]);
});
