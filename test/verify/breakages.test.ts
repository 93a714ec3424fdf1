import { randomBytes } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { findFreePort } from '../../dev/machine/free-port.ts';
import { changeSpans, type OtlpSpan } from './support/http-proxy.ts';
import {
  collector,
  fromEdge,
  fromWorker,
  onlyFault,
  PATIENCE,
  stack,
  toEdge,
  toReceiver,
  useProxiedSystem,
  verifyHere,
} from './support/proxied-system.ts';
import { outcomesOf, type Verified, verify } from './support/verify.ts';

const SERVER = 2;
const CLIENT = 3;
const PRODUCER = 4;
const CONSUMER = 5;
const attributeOf = ({ attributes }: OtlpSpan, name: string): unknown =>
  attributes.find(({ key }) => key === name)?.value;

useProxiedSystem();

describe('with all proxies idle', () => {
  it('nothing is broken', async () => {
    const { code, report } = await verifyHere('plain', 'batch', 'redriven', 'unsampled');
    expect(report.canaries.flatMap(({ faults }) => faults)).toEqual([]);
    expect(code).toBe(0);
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
    expect(onlyFault(verified, 'unsampled')).toMatch(/^caller → edge: the job ran in another trace/);
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

  it('a request that a gateway sends again after the first try failed is no fault', async () => {
    const sent: Promise<unknown>[] = [];
    toEdge.change = ({ headers }) => {
      const [, traceId, parentSpanId] = headers.traceparent?.split('-') ?? [];
      if (traceId === undefined) return;
      const failed = { traceId, spanId: randomBytes(8).toString('hex'), parentSpanId, kind: SERVER };
      sent.push(exportSpan(collector.otlpUrl, failed, 'throughline-edge'));
    };
    const { code, report } = await verifyHere('plain', 'batch', 'redriven');
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

  it('an attempt that a host handed back before another one made it is no fault', async () => {
    const sent: Promise<unknown>[] = [];
    fromWorker.change = changeSpans((span) => {
      if (span.kind !== CONSUMER || attributeOf(span, 'throughline.job.attempt') === undefined) return;
      const spanId = randomBytes(8).toString('hex');
      const startTimeUnixNano = `${BigInt(span.startTimeUnixNano) - 5_000_000n}`;
      const handedBack = { ...span, spanId, startTimeUnixNano, endTimeUnixNano: span.startTimeUnixNano };
      sent.push(exportSpan(collector.otlpUrl, { ...handedBack, links: [] }, 'throughline-worker'));
    });
    const { code, report } = await verifyHere('retried');
    await Promise.all(sent);
    expect(sent.length).toBeGreaterThan(0);
    expect(report.canaries.flatMap(({ faults }) => faults)).toEqual([]);
    expect(code).toBe(0);
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
async function exportSpan(
  otlpUrl: string,
  fields: Partial<Record<keyof OtlpSpan | 'traceId' | 'parentSpanId', unknown>>,
  service = 'gateway',
): Promise<void> {
  const now = `${Date.now()}000000`;
  const span = { name: 'pass', kind: CLIENT, startTimeUnixNano: now, endTimeUnixNano: now, ...fields };
  const resource = { attributes: [{ key: 'service.name', value: { stringValue: service } }] };
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
      ...PATIENCE,
      '--canary',
      'callback',
      '--callback-url',
      toReceiver.url,
      '--callback-port',
      String(port),
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
