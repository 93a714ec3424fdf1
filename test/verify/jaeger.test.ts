import { beforeAll, describe, expect, it } from 'vitest';
import { openStore } from '../../cli/trace/stores/open-store.ts';
import { Job } from '../../shared/job/job.ts';
import type { SpanRecord } from '../../shared/trace/span-record.ts';
import { printed } from '../support/cli/process.ts';
import { type Jaeger, locateJaeger, startJaeger } from './support/jaeger.ts';
import { faultsOf, outcomesOf, startVerifyStack, type VerifyStack, verify } from './support/verify.ts';

const located = await locateJaeger();

describe.skipIf('problem' in located)(
  `a real Jaeger${'problem' in located ? ` (${located.problem})` : ''}`,
  () => {
    let jaeger: Jaeger;
    let stack: VerifyStack;
    beforeAll(async () => {
      jaeger = await startJaeger('path' in located ? located.path : '');
      const tracing = { OTEL_EXPORTER_OTLP_ENDPOINT: jaeger.otlpUrl };
      stack = await startVerifyStack({ edge: tracing, worker: tracing });
    });

    it('has whole traces of a healthy system', async () => {
      const args = ['--callback-url', stack.callbackUrl];
      const environment = { OTEL_EXPORTER_OTLP_ENDPOINT: jaeger.otlpUrl };
      const { code, report } = await verify(stack, jaeger.tracesUrl, args, environment);
      expect(report.canaries.flatMap(({ faults }) => faults)).toEqual([]);
      expect(report.store).toBe(`Jaeger at ${jaeger.tracesUrl}`);
      expect(outcomesOf(report)).toMatchObject({ plain: 'whole', redriven: 'whole', callback: 'whole' });
      expect(code).toBe(0);
      const store = openStore({ url: jaeger.tracesUrl, headers: {} });
      const recent = await store.recent(
        'throughline-worker',
        Date.now() - 600_000,
        new AbortController().signal,
      );
      expect(recent).toContain(report.canaries.find(({ canary }) => canary === 'plain')?.traceId);
      expect(
        await store.recent('throughline-worker', Date.now() + 60_000, new AbortController().signal),
      ).toEqual([]);
    });

    it('is told apart from a store that does not have the trace', async () => {
      // The collector of the stack gets no span, as the services send theirs to Jaeger.
      const { code, report } = await verify(stack, stack.collector.tracesUrl, [
        '--canary',
        'plain',
        '--timeout',
        '1s',
      ]);
      expect(code).toBe(1);
      expect(faultsOf(report, 'plain')).toEqual([
        expect.stringMatching(/^caller → edge: the trace \w+ is not in the trace store/),
      ]);
    });

    it('is read by `trace` too', async () => {
      // A caller that records nothing itself asks for no spans.
      const environment = {
        THROUGHLINE_TRACES_URL: jaeger.tracesUrl,
        OTEL_EXPORTER_OTLP_ENDPOINT: jaeger.otlpUrl,
      };
      const args = ['submit', 'echo', '1', '--wait', '30', '--json'];
      const job = Job.parse(JSON.parse(await printed(stack, args, { environment })));
      const text = await printed(stack, ['trace', job.id, '--json'], { environment });
      const { spans } = JSON.parse(text) as { spans: SpanRecord[] };
      expect(new Set(spans.map(({ traceId }) => traceId))).toEqual(new Set([job.traceId]));
      expect(spans.map(({ service }) => service)).toEqual(
        expect.arrayContaining(['throughline-edge', 'throughline-bridge', 'throughline-worker']),
      );
    });
  },
);
