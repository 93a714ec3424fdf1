import { cp, readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { connect, headers, type NatsConnection } from '@nats-io/transport-node';
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import { Job } from '../../../../shared/job/job.ts';
import type { SpanRecord } from '../../../../shared/trace/span-record.ts';
import { BROKER_TRACES } from '../../../../shared/wire/subjects.ts';
import { scratchFolder } from '../../../support/cleanup.ts';
import { runLocal } from '../../../support/cli/process.ts';
import { startRawCollector } from '../../../support/http/raw-collector.ts';
import {
  credentials,
  DEPLOY_FOLDER,
  type DeployedNats,
  deployedConfig,
  startDeployedNats,
} from '../../../support/nats/deployed-nats.ts';
import { runSetup, settingsOf, startStackOn } from '../../../support/nats/deployed-users.ts';
import { startTestCluster } from '../../../support/nats/nats.ts';
import {
  type BrokerSpansProcess,
  ofBroker,
  startBrokerSpans,
  turnOnTraces,
} from '../../../support/nats/traced-nats.ts';
import { until } from '../../../support/poll.ts';
import { spanFaults } from '../../../support/spans/check-spans.ts';
import type { TestStack } from '../../../support/stack.ts';

/** It ends only what hangs. */
const SPANS_MS = 60_000;

let nats: DeployedNats;
let stack: TestStack;
/** For the messages of the workers. */
let ofWorkers: BrokerSpansProcess;
/** Somebody who may publish on the subject of the traces. */
let publisher: NatsConnection;

beforeAll(async () => {
  nats = await startDeployedNats((folder) => turnOnTraces(folder));
  expect(await runSetup(nats)).toMatchObject({ code: 0 });
  stack = await startStackOn(nats, nats.webSocketUrl, settingsOf('worker', nats));
  [, ofWorkers] = await Promise.all([
    startBrokerSpans(collecting()),
    startBrokerSpans(collecting(credentials('traces-worker'))),
  ]);
  publisher = await connectWorker(nats);
});
afterAll(async () => {
  await publisher?.close();
  await stack?.stop();
  await nats?.stop();
});

async function connectWorker({ url }: DeployedNats): Promise<NatsConnection> {
  const { NATS_USER: user, NATS_PASSWORD: pass } = credentials('worker');
  return await connect({ servers: url, user, pass, inboxPrefix: '_INBOX_worker' });
}

/** The settings with which the command sends spans to the collector of the stack. */
function collecting(more: Record<string, string> = {}): Record<string, string> {
  return {
    ...settingsOf('traces', nats),
    OTEL_EXPORTER_OTLP_ENDPOINT: stack.collector.otlpUrl,
    OTEL_BSP_SCHEDULE_DELAY: '100',
    ...more,
  };
}

const parentOf = (span: SpanRecord | undefined, spans: readonly SpanRecord[]): SpanRecord | undefined =>
  spans.find(({ spanId }) => spanId === span?.parentSpanId);
const named = (spans: readonly SpanRecord[], start: string): SpanRecord | undefined =>
  spans.find(({ name }) => name.startsWith(start));

/** Waits for the spans of a job until nats-server shows how it stored it. */
function tracedJob({ traceId }: Pick<Job, 'traceId'>): Promise<readonly SpanRecord[]> {
  return stack.collector.waitForSpans(
    traceId ?? '',
    (spans) =>
      ['ingress jobs', 'store JOBS', 'store EVENTS', 'process '].every((start) => named(spans, start)),
    SPANS_MS,
  );
}

const submitted = async (body: unknown): Promise<Job> => Job.parse(await (await stack.submit(body)).json());

describe('throughline broker-spans', () => {
  it('shows what nats-server did with a message, below the span that sent it', async () => {
    const spans = await tracedJob(await stack.run('echo', 1));
    const ingress = named(spans, 'ingress jobs');
    expect(parentOf(ingress, spans)).toMatchObject({ service: 'throughline-bridge', kind: 'PRODUCER' });
    for (const start of ['map jobs', 'store JOBS'])
      expect(parentOf(named(spans, start), spans)).toBe(ingress);
    const ends = ofBroker(spans).filter(({ name }) => name.startsWith('ingress events'));
    expect(ends.map((end) => parentOf(end, spans)?.name)).toContain('send events.{tenant}.{jobId}');
    expect(ingress?.resource).toMatchObject({ 'service.version': expect.stringMatching(/^\d+\.\d+\.\d+/) });
  });

  it('takes times and lengths from the server: a message is stored within the span that sends it', async () => {
    const spans = await tracedJob(await stack.run('echo', 1));
    const send = named(spans, 'send jobs');
    const store = named(spans, 'store JOBS');
    if (send === undefined || store === undefined) throw new Error('a span is missing');
    expect(store.durationMs).toBeGreaterThan(0);
    expect(store.startMs).toBeGreaterThanOrEqual(send.startMs - 1);
    expect(store.startMs + store.durationMs).toBeLessThanOrEqual(send.startMs + send.durationMs + 1);
  });

  it('shows nothing of a message whose trace is not sampled', async () => {
    const traceId = '0af7651916cd43dd8448eb211c80319c';
    await stack.run('echo', 1, { traceparent: `00-${traceId}-b7ad6b7169203331-00` });
    await tracedJob(await stack.run('echo', 2));
    expect(stack.collector.allSpans().filter((span) => span.traceId === traceId)).toEqual([]);
  });

  it('shows the messages of jobs that are delayed, fail, are cancelled, or have a callback', async () => {
    await submitted({ operation: 'echo', input: 1, delay: '200ms' });
    await submitted({ operation: 'test.mode', input: { mode: 'reject' }, maxAttempts: 1 });
    await submitted({ operation: 'echo', input: 1, callback: { url: 'https://127.0.0.1:1/' } });
    const { id } = await submitted({ operation: 'echo', input: 1, delay: '1h' });
    await stack.call(`/v1/jobs/${id}`, { method: 'DELETE' });
    const isCancelOfEdge = ({ name, attributes }: SpanRecord): boolean =>
      name.startsWith('ingress events') && attributes['throughline.broker.account'] === 'EDGE';
    await until('a span of each', () => {
      const spans = ofBroker(stack.collector.allSpans());
      const starts = ['ingress delayed', 'ingress dead', 'ingress callbacks'];
      return starts.every((start) => named(spans, start)) && spans.some(isCancelOfEdge);
    });
    expect(spanFaults(stack.collector.allSpans())).toEqual([]);
  });

  it('counts and names messages that are no trace events, and goes on', async () => {
    const large = new Uint8Array(1024 * 1024 - 1_000).fill(32);
    const event = { server: { name: 'x', id: 'x', ver: '1' }, request: {}, events: [] };
    for (const data of ['', 'no JSON', '[]', '{"events":[{"type":"in"}]}', JSON.stringify(event), large])
      publisher.publish(BROKER_TRACES, data);
    await publisher.flush();
    await ofWorkers.says('a message on the trace subject cannot be read');
    await tracedJob(await stack.run('echo', 3));
  });

  it('sends what is left when it is stopped, and says what it has done', async () => {
    const own = await startBrokerSpans(collecting({ OTEL_BSP_SCHEDULE_DELAY: '3600000' }), '--debug');
    // Each event goes to one of the two.
    while (!own.printed().includes('store JOBS')) await stack.run('echo', 4);
    const [, traceId = '', spanId = ''] = /span (\w+) (\w+) .*"store JOBS"/.exec(own.printed()) ?? [];
    expect(stack.collector.allSpans().some((span) => span.spanId === spanId)).toBe(false);
    expect(await own.stop()).toBe(0);
    await stack.collector.waitForSpans(
      traceId,
      (spans) => spans.some((span) => span.spanId === spanId),
      SPANS_MS,
    );
    expect(own.printed()).toMatch(
      /"shown":[1-9]\d*,"ignored":\d+,"unreadable":0,"msg":"broker spans stopped"/,
    );
  });

  it('loses spans, and says so, if the collector does not take them in time, and keeps no more', async () => {
    const collector = await startRawCollector();
    collector.answer(() => undefined);
    const own = await startBrokerSpans({
      ...collecting({ OTEL_BSP_MAX_QUEUE_SIZE: '4', OTEL_BSP_MAX_EXPORT_BATCH_SIZE: '2' }),
      OTEL_EXPORTER_OTLP_ENDPOINT: collector.url,
      OTEL_BSP_EXPORT_TIMEOUT: '1000',
    });
    while (!own.printed().includes('spans were lost')) await stack.run('echo', 5);
    expect(own.printed()).toContain('OTEL_BSP_MAX_QUEUE_SIZE');
    expect(await own.stop()).toBe(0);
  });

  it('does not start if NATS does not let it listen, or if spans would be sent nowhere', async () => {
    const refused = await runLocal(['broker-spans'], collecting(credentials('worker')));
    expect(refused).toMatchObject({ code: 2 });
    expect(refused.stderr).toContain(`NATS does not let this user subscribe to ${BROKER_TRACES}`);
    const other = await runLocal(['broker-spans', '--subject', 'other'], collecting());
    expect(other.stderr).toContain('NATS does not let this user subscribe to other');
    const nowhere = await runLocal(['broker-spans'], settingsOf('traces', nats));
    expect(nowhere).toMatchObject({ code: 2 });
    expect(nowhere.stderr).toContain('OTEL_EXPORTER_OTLP_ENDPOINT');
  });
});

/** A nats-server whose users may not publish where the traces go. It ends with the test. @param sampling of its tracing */
async function withoutPermission(sampling: string | undefined): Promise<DeployedNats> {
  const own = await startDeployedNats(async (folder) => {
    const file = `${folder}/permissions.conf`;
    const text = await readFile(file, 'utf8');
    await writeFile(file, text.replaceAll(`"${BROKER_TRACES}"`, ''));
    if (sampling !== undefined) await turnOnTraces(folder, sampling);
  });
  onTestFinished(() => own.stop());
  return own;
}

describe('what setup --check is for', () => {
  it('NATS stores no message that it would trace, if its sender lacks the permission, and stores the others', async () => {
    const own = await withoutPermission('100%');
    expect(await runSetup(own)).toMatchObject({ code: 0 });
    const worker = await connectWorker(own);
    onTestFinished(() => worker.close());
    const store = async (flags: '00' | '01'): Promise<string> => {
      const sent = headers();
      sent.set('traceparent', `00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-${flags}`);
      const options = { headers: sent, timeout: flags === '01' ? 2_000 : 60_000 };
      return await worker.request('events.acme.job-1', '{}', options).then(
        (answer) => answer.string(),
        (thrown: Error) => thrown.name,
      );
    };
    expect(await store('00')).toContain('"seq":1');
    expect(await store('01')).toBe('TimeoutError');
    expect(await store('00')).toContain('"seq":2');
    expect(await own.violations('worker')).toEqual([BROKER_TRACES]);
  });
});

describe('throughline setup --check', () => {
  it.each(['edge', 'worker'] as const)(
    'is content with a user %s whose messages NATS may trace',
    async (user) => {
      const url = user === 'edge' ? nats.webSocketUrl : nats.url;
      const checked = await runLocal(['setup', '--check', '--as', user], settingsOf(user, nats, url));
      expect(checked).toMatchObject({ code: 0, stderr: '' });
    },
  );

  it.each([
    { tracing: '100%', code: 1, says: 'message tracing is on' },
    { tracing: '20%', code: 1, says: 'message tracing is on' },
    { tracing: undefined, code: 0, says: `permission to publish ${BROKER_TRACES} is "missing"` },
  ])(
    'warns of a user that lacks the permission for traces: message tracing $tracing',
    async ({ tracing, code, says }) => {
      const own = await withoutPermission(tracing);
      for (const user of ['edge', 'worker'] as const) {
        const url = user === 'edge' ? own.webSocketUrl : own.url;
        const checked = await runLocal(['setup', '--check', '--as', user], settingsOf(user, own, url));
        expect(checked).toMatchObject({ code });
        expect(checked.stderr).toContain(says);
      }
    },
  );
});

describe('a cluster', () => {
  it('shows each server that a message came to, below the egress that sent it there', async () => {
    const folder = await scratchFolder();
    await cp(DEPLOY_FOLDER, folder, { recursive: true });
    await turnOnTraces(folder);
    const { certificates } = nats;
    const cluster = await startTestCluster({
      configure: (node, directory) =>
        deployedConfig(path.join(folder, 'cluster.conf'), node, directory, certificates),
      client: { user: 'setup', pass: credentials('setup').NATS_PASSWORD, inboxPrefix: '_INBOX_setup' },
    });
    onTestFinished(() => cluster.stop());
    const urlOf = ({ server }: (typeof cluster.nodes)[number]): string => server.url.replace('nats:', 'tls:');
    const all = cluster.nodes.map(urlOf).join();
    expect(await runLocal(['setup'], settingsOf('setup', nats, all))).toMatchObject({ code: 0 });
    const leader = await cluster.leaderOf('JOBS');
    const other = cluster.nodes.find(({ name }) => name !== leader.name);
    if (other === undefined) throw new Error('there is one server');
    const edgeUrl = other.server.webSocketUrl.replace('ws:', 'wss:');
    const clustered = await startStackOn(nats, edgeUrl, settingsOf('worker', nats, all));
    onTestFinished(() => clustered.stop());
    await startBrokerSpans({
      ...collecting({ NATS_URL: all }),
      OTEL_EXPORTER_OTLP_ENDPOINT: clustered.collector.otlpUrl,
    });
    const { traceId = '' } = await clustered.run('echo', 1);
    const spans = await clustered.collector.waitForSpans(
      traceId,
      (seen) => named(seen, 'store JOBS') !== undefined && named(seen, 'send jobs') !== undefined,
      SPANS_MS,
    );
    const way = [named(spans, 'store JOBS')];
    for (let next = parentOf(way[0], spans); next !== undefined; next = parentOf(next, spans)) way.push(next);
    expect(way.map((span) => span?.name.replace(/ (jobs|bridge|POST).*/, ''))).toEqual([
      'store JOBS',
      'ingress',
      'egress router',
      'ingress',
      'send',
      'bridge/submit',
      'POST /v1/jobs',
    ]);
    const serverOf = (place: number) => way[place]?.attributes['throughline.broker.server'];
    expect([serverOf(3), serverOf(1)]).toEqual([other.name, leader.name]);
  }, 90_000);
});
