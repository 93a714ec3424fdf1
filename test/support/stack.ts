import { inject, onTestFinished } from 'vitest';
import { type Stack, startStack } from '../../dev/stack.ts';
import type { StackOptions } from '../../dev/stack-options.ts';
import { Problem } from '../../shared/api/answers/problem.ts';
import { Job } from '../../shared/job/job.ts';
import type { SpanRecord } from '../../shared/trace/span-record.ts';
import { atEndOfFile } from './cleanup.ts';
import { checked } from './http/contract.ts';
import { testNatsBinary } from './nats/nats.ts';
import { until } from './poll.ts';
import { spanFaults } from './spans/check-spans.ts';

/** A whole system of the test, with its log. */
export interface TestStack extends Stack {
  /** Every log line of edge and workers so far. */
  readonly lines: readonly string[];
  /** The log lines that are JSON, as objects. */
  readonly logs: () => Record<string, unknown>[];
  /**
   * Waits for log lines. A line comes through a pipe, so it may come later than the answer to the same request.
   * @param least how many lines to wait for
   */
  readonly logged: (
    where: (line: Record<string, unknown>) => boolean,
    least?: number,
  ) => Promise<Record<string, unknown>[]>;
  /** Sends a request with the API key; the answer must fit the OpenAPI document. */
  readonly call: (path: string, init?: RequestInit) => Promise<Response>;
  /** Submits a job. */
  readonly submit: (body: unknown, headers?: Record<string, string>) => Promise<Response>;
  /** Submits a job and waits for its end. */
  readonly run: (operation: string, input: unknown, headers?: Record<string, string>) => Promise<Job>;
}

/**
 * Starts the whole path on free ports: real nats-server, real workerd, a real worker process, a real collector. It
 * ends with the test file, unless it is stopped before.
 */
export async function startTestStack(options: Partial<StackOptions> = {}): Promise<TestStack> {
  const edge = inject('edge');
  if ('problem' in edge) throw new Error(edge.problem);
  const lines: string[] = [];
  // Loading Miniflare holds up this process, on a busy machine for seconds. The worker may connect through a proxy in it.
  await import('miniflare');
  const stack = await startStack({
    ports: { http: 0, nats: 0, natsWebSocket: 0, otlp: 0 },
    natsServerPath: testNatsBinary().path,
    bundle: edge,
    onLog: (line) => lines.push(line),
    onStep: () => undefined,
    ...options,
    // Those of Node's own modules. The others, of packages that no test has, would take a seventh of the start of a worker.
    worker: { OTEL_NODE_ENABLED_INSTRUMENTATIONS: 'dns,http,net,undici', ...options.worker },
    // Tests send many requests without a key or with wrong ones, all from one address.
    edge: { FAILED_AUTH_PER_MINUTE: '1000000', ADDRESS_REQUESTS_PER_SECOND: '1000000', ...options.edge },
  });
  atEndOfFile(async () => {
    await stack.stop();
    checkSpans(stack.collector.allSpans());
  });
  const call = async (path: string, init: RequestInit = {}): Promise<Response> => {
    const response = await fetch(`${stack.url}${path}`, {
      ...init,
      headers: { authorization: `Bearer ${stack.apiKey}`, ...Object.fromEntries(new Headers(init.headers)) },
    });
    // A deployment with wrong settings has no trace.
    if (response.status !== 500 && !response.headers.has('traceresponse')) {
      throw new Error(`${path} answered ${response.status} without a traceresponse`);
    }
    return await checked(init.method ?? 'GET', path, response);
  };
  const submit = (body: unknown, headers: Record<string, string> = {}): Promise<Response> =>
    call('/v1/jobs', {
      method: 'POST',
      headers: { 'content-type': 'application/json', ...headers },
      body: JSON.stringify(body),
    });
  const run = async (
    operation: string,
    input: unknown,
    headers: Record<string, string> = {},
  ): Promise<Job> => {
    const response = await submit({ operation, input }, { prefer: 'wait=30', ...headers });
    const body: unknown = await response.json();
    if (response.status !== 200) throw new Error(`${response.status} ${JSON.stringify(body)}`);
    return Job.parse(body);
  };
  const logs: TestStack['logs'] = () => lines.flatMap(parseLine);
  const logged: TestStack['logged'] = (where, least = 1) =>
    until(`${least} log lines`, () => {
      const found = logs().filter(where);
      return found.length >= least && found;
    });
  return Object.assign(stack, { lines, logs, logged, call, submit, run });
}

/** As {@link startTestStack}, for one test: the stack ends with it. */
export async function withTestStack(options: Partial<StackOptions> = {}): Promise<TestStack> {
  const stack = await startTestStack(options);
  onTestFinished(() => stack.stop());
  return stack;
}

/** @throws Error naming each span that is not as `docs/TELEMETRY.md` says */
function checkSpans(spans: readonly SpanRecord[]): void {
  const faults = spanFaults(spans);
  if (faults.length > 0) throw new Error(`spans are not as docs/TELEMETRY.md says:\n${faults.join('\n')}`);
}

/** The problem document of a refused request. */
export async function problemOf(response: Response): Promise<Problem> {
  return Problem.parse(await response.json());
}

function parseLine(line: string): Record<string, unknown>[] {
  try {
    return [JSON.parse(line) as Record<string, unknown>];
  } catch {
    return [];
  }
}
