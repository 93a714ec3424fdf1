import { randomBytes } from 'node:crypto';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeAll, describe, expect, it } from 'vitest';
import { type Collector, startCollector } from '../../dev/collector/start.ts';
import { findFreePort } from '../../dev/machine/free-port.ts';
import type { StackOptions } from '../../dev/stack-options.ts';
import { atEndOfFile } from '../support/cleanup.ts';
import { startTestNats } from '../support/nats/nats.ts';
import { startTestStack, type TestStack, withTestStack } from '../support/stack.ts';
import { changeSpans, type HttpProxy, type OtlpSpan, startHttpProxy } from './support/http-proxy.ts';
import { type MessageHeaders, type NatsProxy, startNatsProxy } from './support/nats-proxy.ts';
import { faultsOf, outcomesOf, type Verified, verify } from './support/verify.ts';

/** Spans that are lost never come: this is how long each test waits for them. */
const PATIENCE = ['--timeout', '6s'];
const PRODUCER = 4;
const CONSUMER = 5;

let stack: TestStack;
/** Has the spans of broken systems: what a test stack holds in its own collector must be whole. */
let collector: Collector;
/** Between NATS and the worker, between the caller and the edge, and between each service and the trace store. */
let toWorker: NatsProxy;
let toEdge: HttpProxy;
let fromWorker: HttpProxy;
let fromEdge: HttpProxy;
/** Between the worker and the receiver of callbacks. */
let toReceiver: HttpProxy;

beforeAll(async () => {
  collector = await startCollector();
  atEndOfFile(() => collector.close());
  const nats = await startTestNats();
  atEndOfFile(() => nats.stop());
  [toWorker, toEdge, fromWorker, fromEdge, toReceiver] = await Promise.all([
    startNatsProxy(nats.url),
    startHttpProxy(),
    startHttpProxy(),
    startHttpProxy(),
    startHttpProxy(),
  ]);
  stack = await startTestStack({
    nats,
    worker: {
      ...{ NATS_URL: toWorker.url, CALLBACK_ALLOW: toReceiver.url },
      OTEL_EXPORTER_OTLP_ENDPOINT: fromWorker.url,
    },
    edge: { OTEL_EXPORTER_OTLP_ENDPOINT: fromEdge.url },
  });
  toEdge.target = stack.url;
  fromWorker.target = collector.otlpUrl;
  fromEdge.target = collector.otlpUrl;
});

afterEach(() => {
  for (const proxy of [toWorker, toEdge, fromWorker, fromEdge, toReceiver]) proxy.change = undefined;
  toWorker.changePublished = undefined;
});

/** Runs `verify` through the proxy before the edge. @param canaries the ones to send */
const verifyHere = (...canaries: string[]): Promise<Verified> =>
  verify({ url: toEdge.url, apiKey: stack.apiKey }, collector.tracesUrl, [
    ...PATIENCE,
    ...canaries.flatMap((name) => ['--canary', name]),
  ]);

/** The same on a system of its own. */
async function verifyWith(options: Partial<StackOptions>, ...canaries: string[]): Promise<Verified> {
  const tracing = { OTEL_EXPORTER_OTLP_ENDPOINT: collector.otlpUrl };
  const own = await withTestStack({
    ...options,
    edge: { ...tracing, ...options.edge },
    worker: { ...tracing, ...options.worker },
  });
  const args = [...PATIENCE, ...canaries.flatMap((name) => ['--canary', name])];
  return await verify(own, collector.tracesUrl, args);
}

/** The only fault of a canary, after `verify` ended with 1. */
function onlyFault({ code, report }: Verified, canary: string): string {
  expect({ code, ok: report.ok }).toEqual({ code: 1, ok: false });
  const faults = faultsOf(report, canary);
  expect(faults).toHaveLength(1);
  return faults[0] ?? '';
}

/** Changes the `traceparent` of each job on its way to the worker. */
const onJobs =
  (change: (headers: MessageHeaders) => MessageHeaders): NonNullable<NatsProxy['change']> =>
  (headers, subject) =>
    subject.startsWith('jobs.') ? change(headers) : headers;
const isTraceparent = ([name]: readonly [string, string]): boolean => name === 'traceparent';
const attributeOf = ({ attributes }: OtlpSpan, name: string): unknown =>
  attributes.find(({ key }) => key === name)?.value;

describe('with all proxies idle', () => {
  it('nothing is broken', async () => {
    const { code, report } = await verifyHere('plain', 'batch', 'redriven', 'unsampled');
    expect(report.canaries.flatMap(({ faults }) => faults)).toEqual([]);
    expect(code).toBe(0);
  });
});

describe('between NATS and the worker', () => {
  it('a header that is dropped is named, with the worker that did not get it', async () => {
    toWorker.change = onJobs((headers) => headers.filter((header) => !isTraceparent(header)));
    const fault = onlyFault(await verifyHere('plain'), 'plain');
    expect(fault).toMatch(/^bridge → worker: .*is missing in the trace; .*no `traceparent` arrived there/);
  });

  it('a header that is renamed is named like one that is dropped', async () => {
    toWorker.change = onJobs((headers) =>
      headers.map((header) => (isTraceparent(header) ? ['x-b3-traceparent', header[1]] : header)),
    );
    expect(onlyFault(await verifyHere('plain'), 'plain')).toMatch(
      /^bridge → worker: .*drops the header, or renames it/,
    );
  });

  it('flags that are wrong are named, in both directions', async () => {
    toWorker.change = onJobs((headers) =>
      headers.map(([name, value]) => [
        name,
        name === 'traceparent'
          ? value.replace(/[0-9a-f]$/, (digit) => (Number(digit) % 2 ? '2' : '3'))
          : value,
      ]),
    );
    const verified = await verifyHere('plain', 'unsampled');
    expect(onlyFault(verified, 'plain')).toMatch(/^bridge → worker: .*not sampled: the flags/);
    expect(onlyFault(verified, 'unsampled')).toMatch(
      /^bridge → worker: the caller asked for no spans .*throughline-worker recorded some/,
    );
  });

  it('a random flag that is lost is named', async () => {
    toWorker.change = onJobs((headers) =>
      headers.map(([name, value]) => [name, name === 'traceparent' ? value.replace(/3$/, '1') : value]),
    );
    expect(onlyFault(await verifyHere('tracestate'), 'tracestate')).toMatch(
      /^bridge → worker: the random flag of `traceparent` \(02\) did not reach/,
    );
  });

  it('two propagators are named', async () => {
    toWorker.change = onJobs((headers) => [
      ...headers,
      ['traceparent', '00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01'],
    ]);
    expect(onlyFault(await verifyHere('plain'), 'plain')).toMatch(
      /^bridge → worker: .*not valid \(repeated\)\. Two propagators/,
    );
  });

  it('a second propagator that replaces the parent is named', async () => {
    toWorker.change = onJobs((headers) =>
      headers.map(([name, value]) => [
        name,
        name === 'traceparent' ? value.replace(/-[0-9a-f]{16}-/, '-00f067aa0ba902b7-') : value,
      ]),
    );
    expect(onlyFault(await verifyHere('plain'), 'plain')).toMatch(
      /^bridge → worker: the attempt's parent is 00f067aa0ba902b7, .*such as a second propagator/,
    );
  });

  it('contexts of a batch that are mixed up are named', async () => {
    let before: string | undefined;
    toWorker.change = onJobs((headers) => {
      const own = headers.find(isTraceparent)?.[1];
      const given = before ?? own ?? '';
      before = own;
      return headers.map((header) => (isTraceparent(header) ? ['traceparent', given] : header));
    });
    expect(onlyFault(await verifyHere('batch'), 'batch')).toMatch(
      /^bridge → worker: .*the contexts of messages of one batch are mixed up/,
    );
  });

  it('a result that loses its context on the way back is named', async () => {
    toWorker.changePublished = (headers, subject) =>
      subject.startsWith('events.') ? headers.filter((header) => !isTraceparent(header)) : headers;
    expect(onlyFault(await verifyHere('plain'), 'plain')).toMatch(
      /^worker → bridge: the bridge's span of the result does not link to the worker's span that sent it/,
    );
  });

  it('baggage that is dropped is named', async () => {
    toWorker.change = onJobs((headers) => headers.filter(([name]) => name !== 'baggage'));
    expect(onlyFault(await verifyHere('baggage', 'plain'), 'baggage')).toContain(
      '`baggage` did not reach the operation',
    );
  });
});

describe('between the caller and the edge', () => {
  it('a proxy that strips all headers of the trace is named', async () => {
    toEdge.change = ({ headers }) => {
      for (const name of ['traceparent', 'tracestate', 'baggage']) delete headers[name];
    };
    const verified = await verifyHere('plain', 'unsampled');
    expect(onlyFault(verified, 'plain')).toMatch(
      /^caller → edge: the trace \w+ is not in the trace store.*no `traceparent` arrived there.*a proxy/,
    );
    expect(outcomesOf(verified.report)).toEqual({ plain: 'broken', unsampled: 'broken' });
  });

  it('a parent that is rewritten is told from one that is lost', async () => {
    toEdge.change = ({ headers }) => {
      const { traceparent } = headers;
      if (traceparent) headers.traceparent = traceparent.replace(/-[0-9a-f]{16}-/, '-00f067aa0ba902b7-');
    };
    expect(onlyFault(await verifyHere('plain'), 'plain')).toMatch(
      /^caller → edge: the edge continues the caller's trace, but below span 00f067aa0ba902b7.*the context is not lost.*propagation_policy/,
    );
  });

  it('a gateway whose spans are in the trace store is no fault', async () => {
    const sent: Promise<unknown>[] = [];
    toEdge.change = ({ headers }) => {
      const [version, traceId, caller, flags] = headers.traceparent?.split('-') ?? [];
      if (traceId === undefined) return;
      const spanId = randomBytes(8).toString('hex');
      headers.traceparent = [version, traceId, spanId, flags].join('-');
      sent.push(exportSpan(collector.otlpUrl, { traceId, spanId, parentSpanId: caller }));
    };
    const { code, report } = await verifyHere('plain');
    await Promise.all(sent);
    expect(report.canaries.flatMap(({ faults }) => faults)).toEqual([]);
    expect(code).toBe(0);
  });

  it('a trace that is replaced by another one is told from one that is lost', async () => {
    toEdge.change = ({ headers }) => {
      headers.traceparent = '00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01';
    };
    expect(onlyFault(await verifyHere('plain'), 'plain')).toMatch(
      /^caller → edge: .*a `traceparent` of another trace arrived there.*propagation_policy/,
    );
  });
});

describe('between a service and the trace store', () => {
  it('an attempt that ended before its acknowledgement is named', async () => {
    fromWorker.change = changeSpans((span) => {
      if (span.kind === CONSUMER) span.endTimeUnixNano = span.startTimeUnixNano;
    });
    expect(onlyFault(await verifyHere('plain'), 'plain')).toMatch(
      /^worker → bridge: .*ended before the job's end was stored and acknowledged/,
    );
  });

  it('a redrive without a link is named', async () => {
    fromEdge.change = changeSpans((span) => {
      const isRedrive = attributeOf(span, 'throughline.job.redrive_count') !== undefined;
      if (span.kind === PRODUCER && isRedrive) span.links = [];
    });
    expect(onlyFault(await verifyHere('redriven'), 'redriven')).toMatch(
      /^dead letter → redrive: .*has no link to its old one/,
    );
  });
});

/** Sends one span of a gateway to a collector. */
async function exportSpan(otlpUrl: string, ids: Record<string, string | undefined>): Promise<void> {
  const now = `${Date.now()}000000`;
  const span = { ...ids, name: 'pass', kind: 3, startTimeUnixNano: now, endTimeUnixNano: now };
  const resource = { attributes: [{ key: 'service.name', value: { stringValue: 'gateway' } }] };
  await fetch(`${otlpUrl}/v1/traces`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ resourceSpans: [{ resource, scopeSpans: [{ spans: [span] }] }] }),
  });
}

describe('between the worker and the receiver of callbacks', () => {
  const verifyCallback = async (): Promise<Verified> => {
    const port = await findFreePort();
    toReceiver.target = `http://127.0.0.1:${port}`;
    return await verify({ url: toEdge.url, apiKey: stack.apiKey }, collector.tracesUrl, [
      ...[...PATIENCE, '--canary', 'callback', '--callback-url', toReceiver.url],
      ...['--callback-port', String(port)],
    ]);
  };

  it('a header that is dropped is named', async () => {
    toReceiver.change = ({ headers }) => void delete headers.traceparent;
    expect(onlyFault(await verifyCallback(), 'callback')).toMatch(
      /^worker → receiver: the callback came without `traceparent`/,
    );
  });

  it('baggage that is let out is named', async () => {
    toReceiver.change = ({ headers }) => {
      headers.baggage = 'user=ada';
    };
    expect(onlyFault(await verifyCallback(), 'callback')).toMatch(
      /^worker → receiver: the callback carries `baggage`/,
    );
  });
});

const preloaded = (file: string): string =>
  `--import=${fileURLToPath(new URL(`../fixtures/${file}`, import.meta.url))}`;

describe('a worker', () => {
  it('without a propagator is named', async () => {
    const verified = await verifyWith({ worker: { NODE_OPTIONS: preloaded('no-propagator.mjs') } }, 'plain');
    expect(onlyFault(verified, 'plain')).toMatch(/^bridge → worker: .*without a propagator/);
  });

  it('whose exporter is off is named, and its context is not blamed', async () => {
    const verified = await verifyWith({ worker: { OTEL_SDK_DISABLED: 'true' } }, 'plain');
    expect(onlyFault(verified, 'plain')).toMatch(
      /^bridge → worker: .*the operation ran in this trace, .*exporter is off/,
    );
  });

  it('whose clock is 10 minutes off is named', async () => {
    const worker = { NODE_OPTIONS: preloaded('skewed-clock.mjs'), SKEW_MS: '600000' };
    expect(onlyFault(await verifyWith({ worker }, 'plain'), 'plain')).toMatch(
      /^clocks: the spans of throughline-worker are about 10 minutes after/,
    );
  });
});

it('an outbox that lost the context is named', async () => {
  const nats = await startTestNats();
  atEndOfFile(() => nats.stop());
  const proxy = await startNatsProxy(nats.url);
  proxy.change = onJobs((headers) =>
    headers.some(([name]) => name === 'throughline-outbox-time-ms')
      ? headers.filter((header) => !isTraceparent(header))
      : headers,
  );
  const options = { nats, worker: { NATS_URL: proxy.url }, edge: { ACK_MODE: 'outbox' } };
  expect(onlyFault(await verifyWith(options, 'outbox'), 'outbox')).toMatch(
    /^bridge → worker: .*the job was in the outbox, and its context was not stored or not sent/,
  );
});
