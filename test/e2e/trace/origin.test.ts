import { writeFile } from 'node:fs/promises';
import path from 'node:path';
import { expect, it } from 'vitest';
import { SCHEMA_URL } from '../../../shared/trace/tracer.ts';
import { VERSION } from '../../../shared/version.ts';
import { scratchFolder } from '../../support/cleanup.ts';
import { metricsOf } from '../../support/http/metrics.ts';
import { startTestStack } from '../../support/stack.ts';

it('spans and metrics of a worker say which program and which process they are of', async () => {
  const own = 'service.namespace=shop,team=a%20b';
  const stack = await startTestStack({ worker: { OTEL_RESOURCE_ATTRIBUTES: own } });
  const job = await stack.run('echo', 1);
  const isOfWorker = ({ service }: { readonly service: string }): boolean => service === 'throughline-worker';
  const spans = await stack.collector.waitForSpans(job.traceId, (all) => all.some(isOfWorker), 60_000);
  const span = spans.find(isOfWorker);
  expect(span?.scope).toEqual({ name: 'throughline-worker', version: VERSION, schemaUrl: SCHEMA_URL });
  expect(span?.resource).toMatchObject({
    'service.name': 'throughline-worker',
    'service.version': VERSION,
    'service.instance.id': expect.stringMatching(/^[0-9a-f-]{36}$/),
    'service.namespace': 'shop',
    team: 'a b',
    'telemetry.sdk.language': 'nodejs',
  });
  const metrics = await metricsOf(stack.worker.healthUrl);
  const info = metrics.split('\n').find((line) => line.startsWith('target_info{'));
  for (const shown of [
    'service_name="throughline-worker"',
    `service_version="${VERSION}"`,
    `service_instance_id="${span?.resource?.['service.instance.id']}"`,
    'service_namespace="shop"',
  ])
    expect(info).toContain(shown);
});

it('OTEL_SERVICE_NAME goes before service.name of OTEL_RESOURCE_ATTRIBUTES, and that before our name', async () => {
  const names = async (worker: Record<string, string>): Promise<string[]> => {
    const stack = await startTestStack({ worker });
    const job = await stack.run('echo', 1);
    const isWork = ({ kind }: { readonly kind: string }): boolean => kind === 'CONSUMER';
    const spans = await stack.collector.waitForSpans(job.traceId, (all) => all.some(isWork), 60_000);
    return spans.filter(isWork).map(({ service }) => service);
  };
  expect(await names({ OTEL_RESOURCE_ATTRIBUTES: 'service.name=theirs' })).toEqual(['theirs']);
  const both = { OTEL_RESOURCE_ATTRIBUTES: 'service.name=theirs', OTEL_SERVICE_NAME: 'ours' };
  expect(await names(both)).toEqual(['ours']);
});

it('neither the connection to NATS nor a probe makes a trace', async () => {
  const folder = await scratchFolder();
  const schema = "{ '~standard': { version: 1, vendor: 'test', validate: (value) => ({ value }) } }";
  const worker = new URL('../../../worker-node/index.ts', import.meta.url).href;
  // The modules of connections are instrumented once somebody imports them.
  await writeFile(
    path.join(folder, 'own.mjs'),
    `import dns from 'node:dns';
import net from 'node:net';
import tls from 'node:tls';
import { defineOperation } from '${worker}';
const connects = () => new Promise((resolve) => net.connect(Number(process.env.OWN_PORT), 'localhost').once('connect', function () { this.destroy(); resolve(1); }));
export default defineOperation({ name: 'own', input: ${schema}, run: connects });
`,
  );
  const stack = await startTestStack({ operationsFolder: folder });
  const { url } = stack.nats;
  const port = new URL(url).port;
  const byName = await stack.addWorker({ NATS_URL: `nats://localhost:${port}`, OWN_PORT: port });
  await stack.worker.stop();
  const traceparent = `00-${'d'.repeat(32)}-00f067aa0ba902b7-01`;
  for (const probe of ['healthz', 'readyz', 'metrics'])
    expect((await fetch(`${byName.healthUrl}/${probe}`, { headers: { traceparent } })).status).toBe(200);
  await stack.nats.restart();
  const job = await stack.run('own', 1);
  // The same kind of span is recorded where it is a part of a job.
  await stack.collector.waitForSpans(
    job.traceId,
    (all) => ['tcp.connect', 'dns.lookup'].every((name) => all.some((span) => span.name === name)),
    60_000,
  );
  const spans = stack.collector.allSpans().filter(({ service }) => service === 'throughline-worker');
  expect(spans.filter(({ traceId }) => traceId === 'd'.repeat(32))).toEqual([]);
  const roots = spans.filter(({ parentSpanId }) => parentSpanId === undefined);
  expect(roots.map(({ name }) => name)).toEqual([]);
});
