import { once } from 'node:events';
import { createServer, type IncomingHttpHeaders } from 'node:http';
import type { AddressInfo } from 'node:net';
import { onTestFinished } from 'vitest';
import type { SpanRecord } from '../../shared/trace/span-record.ts';
import { startTestStack, type TestStack } from '../support/stack.ts';
import { startExample } from './start-example.ts';

const OPERATION = 'example.order';
/** One for all languages, since the consumers of two groups must not overlap. */
const GROUP = 'interop';
const SPANS_MS = 20_000;

interface WorkerTrace {
  readonly service: string;
  /** The edge's span that sent the job. */
  readonly sent: SpanRecord;
  readonly attempt: SpanRecord;
  /** The spans whose parent is the attempt. */
  readonly children: readonly SpanRecord[];
  /** The context that the outgoing call had. */
  readonly called: { readonly traceparent: string; readonly baggage: string };
}

let stack: Promise<TestStack> | undefined;

/**
 * Runs a job on a worker, through the whole path, and gives its trace as the collector has it.
 * @param more further variables of the worker
 */
export async function traceOf(
  language: string,
  worker: readonly string[],
  more: Readonly<Record<string, string>> = {},
): Promise<WorkerTrace> {
  stack ??= startTestStack({ worker: { WORKER_OPERATIONS: 'echo' } });
  const running = await stack;
  const service = `example-${language}`;
  const settings = { WORKER_NAME: service, WORKER_GROUP: GROUP, WORKER_OPERATIONS: 'example.>', ...more };
  await startExample(running, worker, settings, OPERATION);
  const target = await startTarget();
  const item = `book-${language}`;
  const job = await running.run(OPERATION, { item, url: target.url }, { baggage: 'user=ann' });
  if (job.state !== 'succeeded') throw new Error(JSON.stringify(job));
  const childrenOf = (spans: readonly SpanRecord[]): SpanRecord[] => {
    const attempt = spans.find((span) => span.kind === 'CONSUMER' && span.service === service);
    return attempt === undefined ? [] : spans.filter(({ parentSpanId }) => parentSpanId === attempt.spanId);
  };
  // The edge and the worker send their spans when each of them wants to.
  const isWhole = (spans: readonly SpanRecord[]): boolean =>
    childrenOf(spans).length >= 4 && spans.some(({ kind }) => kind === 'PRODUCER');
  const spans = await running.collector.waitForSpans(job.traceId, isWhole, SPANS_MS);
  const [sent] = spans.filter(({ kind }) => kind === 'PRODUCER');
  const [attempt] = spans.filter((span) => span.kind === 'CONSUMER' && span.service === service);
  if (sent === undefined || attempt === undefined) throw new Error('a span is missing');
  const { traceparent, baggage } = target.headers();
  const called = { traceparent: String(traceparent), baggage: String(baggage) };
  return { service, sent, attempt, children: childrenOf(spans), called };
}

/** An HTTP server that keeps the headers of the last request. */
export async function startTarget(): Promise<{
  readonly url: string;
  readonly headers: () => IncomingHttpHeaders;
}> {
  let headers: IncomingHttpHeaders = {};
  const server = createServer((request, response) => {
    headers = request.headers;
    response.end();
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  onTestFinished(() => void server.close());
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/`, headers: () => headers };
}
