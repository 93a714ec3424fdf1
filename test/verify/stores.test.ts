import { appendFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { beforeAll, describe, expect, it } from 'vitest';
import { type Collector, startCollector } from '../../dev/collector/start.ts';
import { atEndOfFile, scratchFolder } from '../support/cleanup.ts';
import { answer, serve } from '../support/cli/servers.ts';
import { startTestStack, type TestStack } from '../support/stack.ts';
import { startHttpProxy } from './support/http-proxy.ts';
import { startTempo } from './support/tempo.ts';
import { faultsOf, verify } from './support/verify.ts';

let stack: TestStack;
let kept: Collector;
/** A file of all spans, a line for each export, as the Collector's file exporter writes it. */
let file: string;
beforeAll(async () => {
  file = join(await scratchFolder(), 'spans.jsonl');
  await writeFile(file, '');
  kept = await startCollector();
  atEndOfFile(() => kept.close());
  const collector = await startHttpProxy();
  const tracing = { OTEL_EXPORTER_OTLP_ENDPOINT: collector.url };
  const writes: Promise<void>[] = [];
  collector.change = ({ body }) => void writes.push(appendFile(file, `${body.toString()}\n`));
  stack = await startTestStack({
    edge: { ...tracing, OTEL_SERVICE_NAME: 'shop-edge' },
    worker: { ...tracing, OTEL_SERVICE_NAME: 'shop-worker' },
  });
  collector.target = kept.otlpUrl;
});

const NAMES = ['--service-name', 'edge=shop-edge', '--service-name', 'worker=shop-worker'];

describe('services with names of their own, and a file of OTLP in JSON', () => {
  it('have whole traces, if their names are said', async () => {
    const args = ['--canary', 'plain', '--canary', 'retried', '--canary', 'redriven', ...NAMES];
    const { code, report } = await verify(stack, pathToFileURL(file).href, args);
    expect(report.canaries.flatMap(({ faults }) => faults)).toEqual([]);
    expect(code).toBe(0);
  });

  it('are missing in the trace, if they are not', async () => {
    const args = ['--canary', 'plain', '--timeout', '3s'];
    const { code, report } = await verify(stack, pathToFileURL(file).href, args);
    expect(code).toBe(1);
    expect(faultsOf(report, 'plain')[0]).toMatch(/^caller → edge: the edge's span of the request is missing/);
  });
});

describe('a store that answers as Tempo does', () => {
  it('has whole traces', async () => {
    const tempo = await startTempo(file, 'COMPLETE');
    const args = ['--canary', 'plain', '--canary', 'retried', '--canary', 'redriven', ...NAMES];
    const { code, report } = await verify(stack, `${tempo.url}/api/v2/traces`, args);
    expect(report.canaries.flatMap(({ faults, notes }) => [...faults, ...notes])).toEqual([]);
    expect(code).toBe(0);
  });

  it('is said to give only a part of a trace, beside what is missing then', async () => {
    const tempo = await startTempo(file, 'PARTIAL');
    const args = ['--canary', 'plain', '--timeout', '3s'];
    const { code, report } = await verify(stack, `${tempo.url}/api/v2/traces`, args);
    expect(code).toBe(1);
    expect(report.canaries).toMatchObject([
      { notes: [expect.stringContaining('does not give the whole trace')] },
    ]);
  });
});

describe('a log store', () => {
  /** A Loki with what edge and worker log, as `change` makes it. */
  const loki = async (
    change: (line: Record<string, unknown>) => Record<string, unknown>,
    failures: readonly number[] = [],
  ) => {
    const left = [...failures];
    const { url } = await serve(({ path = '' }) => {
      const failure = left.shift();
      if (failure !== undefined) return answer(failure, {});
      const job = decodeURIComponent(path).split('/').at(-1);
      const lines = stack.logs().filter(({ job_id }) => job_id === job);
      const values = lines.map((line, index) => [`${index}`, JSON.stringify(change(line))]);
      return answer(200, { data: { result: [{ stream: {}, values }] } });
    });
    return `${url}/{jobId}`;
  };
  /** @param timeout for what is not there yet: lines that are wrong are waited for as long */
  const verifyLogs = async (logsUrl: string, timeout = '30s') =>
    await verify(stack, kept.tracesUrl, [
      '--canary',
      'plain',
      '--timeout',
      timeout,
      '--logs-url',
      logsUrl,
      ...NAMES,
    ]);

  it('has the trace id in the lines of edge and worker', async () => {
    const { code, report } = await verifyLogs(await loki((line) => line));
    expect(report.canaries.flatMap(({ faults }) => faults)).toEqual([]);
    expect(code).toBe(0);
  });

  it('that fails for a moment is asked again', async () => {
    const { code, report } = await verifyLogs(await loki((line) => line, [503, 429]));
    expect(report.canaries.flatMap(({ faults }) => faults)).toEqual([]);
    expect(code).toBe(0);
  });

  it('whose lines lost the trace id of a service is named', async () => {
    const logsUrl = await loki((line) =>
      line.service === 'throughline-worker' ? { ...line, trace_id: undefined } : line,
    );
    const { code, report } = await verifyLogs(logsUrl, '12s');
    expect(code).toBe(1);
    expect(faultsOf(report, 'plain')).toEqual([
      expect.stringMatching(/^worker → logs: the lines of throughline-worker about the job do not carry/),
    ]);
  });
});
