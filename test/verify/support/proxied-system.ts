import { afterEach, beforeAll, expect } from 'vitest';
import { type Collector, startCollector } from '../../../dev/collector/start.ts';
import type { StackOptions } from '../../../dev/stack-options.ts';
import { atEndOfFile } from '../../support/cleanup.ts';
import { startTestNats } from '../../support/nats/nats.ts';
import { startTestStack, type TestStack, withTestStack } from '../../support/stack.ts';
import { type HttpProxy, startHttpProxy } from './http-proxy.ts';
import { type MessageHeaders, type NatsProxy, startNatsProxy } from './nats-proxy.ts';
import { faultsOf, type Verified, verify } from './verify.ts';

/** Each test waits so long, since spans that are lost never come. On a busy machine, the others need some of it too. */
export const PATIENCE = ['--timeout', '12s'];

export let stack: TestStack;
/** Has the spans of broken systems: what a test stack holds in its own collector must be whole. */
export let collector: Collector;
/** Between NATS and the worker, between the caller and the edge, and between each service and the trace store. */
export let toWorker: NatsProxy;
export let toEdge: HttpProxy;
export let fromWorker: HttpProxy;
export let fromEdge: HttpProxy;
/** Between the worker and the receiver of callbacks. */
export let toReceiver: HttpProxy;

/** Starts a trace store before the first test of the file. */
export function useTraceStore(): void {
  beforeAll(startStore);
}

/** Starts a trace store, and a system with a proxy at each of its borders, before the first test of the file. */
export function useProxiedSystem(): void {
  beforeAll(start);
  afterEach(() => {
    for (const proxy of [toWorker, toEdge, fromWorker, fromEdge, toReceiver]) proxy.change = undefined;
    toWorker.changePublished = undefined;
  });
}

async function startStore(): Promise<void> {
  collector = await startCollector();
  atEndOfFile(() => collector.close());
}

async function start(): Promise<void> {
  await startStore();
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
      NATS_URL: toWorker.url,
      CALLBACK_ALLOW: toReceiver.url,
      OTEL_EXPORTER_OTLP_ENDPOINT: fromWorker.url,
    },
    edge: { OTEL_EXPORTER_OTLP_ENDPOINT: fromEdge.url },
  });
  toEdge.target = stack.url;
  fromWorker.target = collector.otlpUrl;
  fromEdge.target = collector.otlpUrl;
}

/** Runs `verify` through the proxy before the edge. @param canaries the ones to send */
export const verifyHere = (...canaries: string[]): Promise<Verified> =>
  verify({ url: toEdge.url, apiKey: stack.apiKey }, collector.tracesUrl, [
    ...PATIENCE,
    ...canaries.flatMap((name) => ['--canary', name]),
  ]);

/** The same on a system of its own. */
export async function verifyWith(options: Partial<StackOptions>, ...canaries: string[]): Promise<Verified> {
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
export function onlyFault({ code, report }: Verified, canary: string): string {
  expect({ code, ok: report.ok }).toEqual({ code: 1, ok: false });
  const faults = faultsOf(report, canary);
  expect(faults).toEqual([expect.any(String)]);
  return faults[0] ?? '';
}

/** Changes the `traceparent` of each job on its way to the worker. */
export const onJobs =
  (change: (headers: MessageHeaders) => MessageHeaders): NonNullable<NatsProxy['change']> =>
  (headers, subject) =>
    subject.startsWith('jobs.') ? change(headers) : headers;
export const isTraceparent = ([name]: readonly [string, string]): boolean => name === 'traceparent';
