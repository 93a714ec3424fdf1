import { describe, expect, it } from 'vitest';
import { findFreePort } from '../../../dev/machine/free-port.ts';
import { withTestStack } from '../../support/stack.ts';

const REQUESTS = 200;
const TRACE_ID = 'abcdefabcdefabcdefabcdefabcdef12';
/** The spans of a job whose caller waits: SERVER, CLIENT, send, process, send events, ack, receive. */
const SPANS_PER_JOB = 7;

describe('200 requests at the same time on one bridge', () => {
  it('are all answered over one NATS connection, and with one traceparent every span arrives once', async () => {
    const monitorPort = await findFreePort();
    const stack = await withTestStack({
      worker: { WORKER_CONCURRENCY: '50' },
      natsConfig: `http: "127.0.0.1:${monitorPort}"`,
    });
    const headers = { traceparent: `00-${TRACE_ID}-1234567890abcdef-01` };
    const jobs = await Promise.all(Array.from({ length: REQUESTS }, (_, n) => stack.run('echo', n, headers)));

    expect(jobs.map(({ result }) => result)).toEqual(Array.from({ length: REQUESTS }, (_, n) => n));
    expect(await bridgeConnections(monitorPort)).toBe(1);
    const expected = REQUESTS * SPANS_PER_JOB;
    await stack.collector.waitForSpans(TRACE_ID, (spans) => spans.length >= expected, 60_000);
    const spans = stack.collector.spans(TRACE_ID);
    expect(spans).toHaveLength(expected);
    expect(new Set(spans.map(({ spanId }) => spanId)).size).toBe(expected);
    const perService = Object.groupBy(spans, ({ service, kind }) => `${service} ${kind}`);
    expect(Object.values(perService).map((group) => group?.length)).toEqual(
      Array(SPANS_PER_JOB).fill(REQUESTS),
    );
    const ids = new Set([...spans.map(({ spanId }) => spanId), '1234567890abcdef']);
    expect(spans.filter(({ parentSpanId }) => !ids.has(parentSpanId ?? ''))).toEqual([]);
  });
});

/** How many connections of bridges nats-server counts. */
async function bridgeConnections(monitorPort: number): Promise<number> {
  const answer = await (await fetch(`http://127.0.0.1:${monitorPort}/connz`)).json();
  const { connections } = answer as { connections: { name: string }[] };
  return connections.filter(({ name }) => name.startsWith('bridge-')).length;
}
