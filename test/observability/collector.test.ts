import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { connect, headers } from '@nats-io/transport-node';
import { beforeAll, describe, expect, it } from 'vitest';
import { Job } from '../../shared/job/job.ts';
import type { SpanRecord } from '../../shared/trace/span-record.ts';
import { atEndOfFile, scratchFolder } from '../support/cleanup.ts';
import { bodyOf } from '../support/http/answers.ts';
import { until } from '../support/poll.ts';
import { type OtlpReceiver, otlpReceiver } from '../support/spans/otlp-receiver.ts';
import { startTestStack, type TestStack } from '../support/stack.ts';
import {
  COLLECTOR_VERSION,
  locateCollector,
  type OpenTelemetryCollector,
  startCollector,
  validate,
} from './support/collector.ts';

const DEPLOY = join(import.meta.dirname, '../../deploy');
const CONFIG = join(DEPLOY, 'observability/collector.yaml');
const COUNTED = 'otelcol_processor_tail_sampling_count_traces_sampled';

const located = await locateCollector();
const program = 'path' in located ? located.path : '';
const note = 'problem' in located ? ` (${located.problem})` : '';

describe.skipIf(program === '')(`a real Collector${note}`, () => {
  let config: string;
  beforeAll(async () => {
    config = await readFile(CONFIG, 'utf8');
  });

  it('is of the release of the compose file', async () => {
    const compose = await readFile(join(DEPLOY, 'compose/compose.yaml'), 'utf8');
    expect(compose).toContain(`opentelemetry-collector-contrib:${COLLECTOR_VERSION}\n`);
  });

  it('takes the configuration', async () => {
    await validate(program, CONFIG);
  });

  it.each([
    ['a key that there is not', 'decision_wait', 'decision_weight'],
    ['a pipeline with a part that is missing', 'exporters: [otlp_http/jaeger]', 'exporters: [nothing]'],
  ])('refuses %s, so that the check can fail', async (_, right, wrong) => {
    expect(config).toContain(right);
    const file = join(await scratchFolder(), 'wrong.yaml');
    await writeFile(file, config.replace(right, wrong));
    await expect(validate(program, file)).rejects.toThrow('validate');
  });

  it.each([
    ['a policy that there is not', 'type: status_code', 'type: status_kode', 'status_kode'],
    ['a condition that cannot be read', 'SPAN_KIND_CONSUMER', 'SPAN_KIND_EATER', 'SPAN_KIND_EATER'],
  ])('does not start with %s, which its own check lets pass', async (_, right, wrong, named) => {
    expect(config).toContain(right);
    const broken = config.replace(right, wrong);
    const start = startCollector(program, ({ otlp, metrics }) =>
      placed(broken, 'http://127.0.0.1:9', otlp, metrics),
    );
    await expect(start).rejects.toThrow(named);
  });

  describe('between the services and the trace store', () => {
    let collector: OpenTelemetryCollector;
    let stack: TestStack;
    let store: OtlpReceiver;

    beforeAll(async () => {
      store = await otlpReceiver();
      collector = await startCollector(program, ({ otlp, metrics }) =>
        placed(config, store.url, otlp, metrics),
      );
      const settings = { OTEL_EXPORTER_OTLP_ENDPOINT: collector.otlpUrl };
      stack = await startTestStack({
        operationsFolder: 'test/fixtures/operations',
        edge: settings,
        worker: settings,
      });
    }, 120_000);

    /** How many traces a policy has decided about. */
    const decided = async (policy: string, sampled: boolean): Promise<number> => {
      const lines = (await collector.metrics()).split('\n');
      const found = lines.filter(
        (line) =>
          line.startsWith(`${COUNTED}{`) &&
          line.includes(`policy="${policy}"`) &&
          line.includes(`sampled="${sampled}"`),
      );
      return found.reduce((sum, line) => sum + Number(line.split(' ').at(-1)), 0);
    };
    const kept = (traceId: string): SpanRecord[] => store.spans.filter((span) => span.traceId === traceId);

    async function traceOf(operation: string, input: unknown): Promise<string> {
      const response = await stack.submit({ operation, input }, { prefer: 'wait=30' });
      return (await bodyOf(Job, response)).traceId ?? '';
    }

    it('keeps the traces with an error, a retry, a broken context, a canary or an orphan whole, and no other ones', async () => {
      const plain = [await traceOf('echo', 1), await traceOf('echo', 2)];
      const failed = await traceOf('test.mode', { mode: 'throw' });
      const retried = await traceOf('test.mode', { mode: 'fail-until', until: 2 });
      const canary = await traceOf('throughline.canary', {});
      const orphan = 'ab'.repeat(16);
      await publish('orphan-1', `00-${orphan}-00f067aa0ba902b7-01`);
      await publish('broken-1', 'garbage');
      await until('all traces to be decided', async () => (await decided('one-in-ten', false)) >= 7, 30_000);
      await until('the orphan to be kept', () => kept(orphan).length > 0);

      for (const traceId of [failed, retried, canary]) {
        const kinds = kept(traceId).map(({ kind }) => kind);
        expect(kinds).toEqual(expect.arrayContaining(['SERVER', 'PRODUCER', 'CONSUMER']));
      }
      expect(kept(retried).filter(({ kind }) => kind === 'CONSUMER')).toHaveLength(2);
      for (const traceId of plain) expect(kept(traceId)).toEqual([]);
      const broken = store.spans.filter(
        ({ attributes }) => attributes['throughline.trace.outcome'] === 'invalid',
      );
      expect(broken.map(({ attributes }) => attributes['throughline.job.id'])).toContain('broken-1');
      expect(await decided('orphans', true)).toBe(1);
      expect(await decided('errors', true)).toBeGreaterThanOrEqual(1);
    });

    /** Publishes a job that no edge has sent. */
    async function publish(id: string, traceparent: string): Promise<void> {
      const nats = await connect({ servers: stack.nats.url });
      atEndOfFile(() => nats.close());
      const set = headers();
      set.set('traceparent', traceparent);
      nats.publish(`jobs.normal.p2.demo.${id}.echo`, '1', { headers: set });
      await nats.flush();
    }
  });
});

/** The configuration of the deployment, with addresses of this machine, a short wait, and no trace kept by chance. */
function placed(config: string, storeUrl: string, otlp: number, metrics: number): string {
  const changes = [
    ['endpoint: 0.0.0.0:4318', `endpoint: 127.0.0.1:${otlp}`],
    ['endpoint: http://jaeger:4318', `endpoint: ${storeUrl}\n    encoding: json\n    compression: none`],
    ['host: 0.0.0.0, port: 8888', `host: 127.0.0.1, port: ${metrics}`],
    ['decision_wait: 30s', 'decision_wait: 5s'],
    ['sampling_percentage: 10', 'sampling_percentage: 0'],
  ] as const;
  return changes.reduce((text, [from, to]) => {
    if (!text.includes(from)) throw new Error(`the configuration has no ${from}`);
    return text.replace(from, to);
  }, config);
}
