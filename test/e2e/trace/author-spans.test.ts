import { cp, mkdir, readFile, symlink, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import { shortName } from '../../../shared/trace/short-name.ts';
import type { SpanRecord } from '../../../shared/trace/span-record.ts';
import { scratchFolder } from '../../support/cleanup.ts';
import { metricsOf } from '../../support/http/metrics.ts';
import { until } from '../../support/poll.ts';
import { startTestStack, type TestStack } from '../../support/stack.ts';

const WORKER = new URL('../../../worker-node/index.ts', import.meta.url).href;
const ANYTHING = "{ '~standard': { version: 1, vendor: 'test', validate: (value) => ({ value }) } }";

/** Makes a folder that has a copy of the API of its own, whose version is another one. */
async function folderWithApi(version: string): Promise<string> {
  const folder = await scratchFolder();
  const api = path.join(folder, 'node_modules/@opentelemetry/api');
  await mkdir(path.dirname(api), { recursive: true });
  await cp('node_modules/@opentelemetry/api', api, { recursive: true, dereference: true });
  for (const file of ['package.json', 'build/src/version.js', 'build/esm/version.js']) {
    const text = await readFile(path.join(api, file), 'utf8');
    const changed = text.replace(/(["'])1\.\d+\.\d+\1/, `$1${version}$1`);
    expect(changed).not.toBe(text);
    await writeFile(path.join(api, file), changed);
  }
  return folder;
}

async function writeOperation(folder: string, imports: string, run: string): Promise<void> {
  const definition = `defineOperation({ name: 'own', input: ${ANYTHING}, run: ${run} })`;
  const text = `import { defineOperation } from ${JSON.stringify(WORKER)};\n${imports}\nexport default ${definition};\n`;
  await writeFile(path.join(folder, 'own.mjs'), text);
}

/** Runs the operation, and waits for its span `inner` and for the one of the attempt. */
async function spansOf(
  stack: TestStack,
): Promise<{ inner: SpanRecord | undefined; outer: SpanRecord | undefined }> {
  const job = await stack.run('own', 1);
  expect(job).toMatchObject({ state: 'succeeded' });
  const find = (spans: readonly SpanRecord[], name: string) => spans.find((span) => shortName(span) === name);
  const spans = await stack.collector.waitForSpans(
    job.traceId,
    (all) => find(all, 'process own') !== undefined,
    60_000,
  );
  return { inner: find(spans, 'inner'), outer: find(spans, 'process own') };
}

describe('an operation with a newer @opentelemetry/api of its own', () => {
  const imports = "import { trace } from '@opentelemetry/api';\nconst tracer = trace.getTracer('own');";
  const run = "() => tracer.startActiveSpan('inner', (span) => { span.end(); return 1; })";

  it('keeps its spans, even those of a tracer that it got before the first job', async () => {
    const folder = await folderWithApi('1.10.0');
    await writeOperation(folder, imports, run);
    const stack = await startTestStack({ operationsFolder: folder });
    const { inner, outer } = await spansOf(stack);
    expect(inner?.parentSpanId).toBe(outer?.spanId);
    expect(await metricsOf(stack.worker.healthUrl)).toContain('throughline_jobs_settled');
  });

  it.each(['1.11.0', '2.0.0'])('is told that its spans are lost if that is %s', async (version) => {
    const folder = await folderWithApi(version);
    await writeOperation(folder, imports, run);
    const stack = await startTestStack({ operationsFolder: folder });
    const line = await until('a warning', () =>
      stack.logs().find(({ msg }) => String(msg).includes('@opentelemetry/api')),
    );
    expect(line).toMatchObject({ level: 'warn' });
    expect(line?.msg).toContain(`own.mjs imports @opentelemetry/api ${version}`);
  });
});

describe('what throughline/worker has for traces', () => {
  let stack: TestStack;
  beforeAll(async () => {
    const folder = await scratchFolder();
    await symlink(path.resolve('node_modules'), path.join(folder, 'node_modules'));
    const imports = `import { getActiveSpan, getBaggage, startSpan, withBaggage, withSpan } from ${JSON.stringify(WORKER)};
      import pino from 'pino';
      const logger = pino();`;
    const run = `async ({ input }) => {
      getActiveSpan().setAttribute('own.note', 'seen');
      if (input === 'fail') await withSpan('inner', () => { throw new TypeError('no'); }).catch(() => undefined);
      const within = await withSpan('inner', (span) => ({ id: span.spanContext().spanId, active: getActiveSpan().spanContext().spanId }));
      startSpan('beside').end();
      logger.info('by an own logger');
      if (input === 'end') getActiveSpan().end();
      if (input === 'fill') for (let n = 0; n < 200; n++) getActiveSpan().setAttribute('own.' + n, n);
      return { ...within, baggage: withBaggage({ more: 'b' }, () => [getBaggage('order'), getBaggage('more')]) };
    }`;
    await writeOperation(folder, imports, run);
    stack = await startTestStack({
      operationsFolder: folder,
      worker: { OTEL_NODE_ENABLED_INSTRUMENTATIONS: 'pino' },
    });
  });

  it('makes spans of an operation part of the attempt, and gives it the baggage of the caller', async () => {
    const job = await stack.run('own', 1, { baggage: 'order=7' });
    expect(job.result).toMatchObject({ baggage: ['7', 'b'] });
    const { id, active } = job.result as { id: string; active: string };
    expect(active).toBe(id);
    const spans = await stack.collector.waitForSpans(
      job.traceId,
      (all) =>
        ['inner', 'beside', 'process own'].every((name) => all.some((span) => shortName(span) === name)),
      60_000,
    );
    const outer = spans.find((span) => shortName(span) === 'process own');
    expect(outer?.attributes).toMatchObject({ 'own.note': 'seen' });
    for (const name of ['inner', 'beside']) {
      expect(spans.find((span) => span.name === name)?.parentSpanId).toBe(outer?.spanId);
    }
  });

  it("gives the lines of an author's own pino the ids of the span", async () => {
    const job = await stack.run('own', 1, { baggage: 'order=7' });
    const line = await until('the line', () =>
      stack.logs().find(({ msg, trace_id }) => msg === 'by an own logger' && trace_id === job.traceId),
    );
    expect(line).toMatchObject({ span_id: expect.stringMatching(/^[0-9a-f]{16}$/) });
  });

  it.each([
    ['open if the operation ends it', 'end'],
    ['with its outcome if the operation fills it with attributes', 'fill'],
  ])('keeps the span of the attempt %s', async (_what, input) => {
    const job = await stack.run('own', input, { baggage: 'order=7' });
    const spans = await stack.collector.waitForSpans(
      job.traceId,
      (all) => ['process own', 'ack own'].every((name) => all.some((span) => shortName(span) === name)),
      60_000,
    );
    const outer = spans.find((span) => shortName(span) === 'process own');
    expect(outer?.attributes).toMatchObject({ 'throughline.job.outcome': 'succeeded' });
  });

  it('marks the span of work that throws as failed', async () => {
    const job = await stack.run('own', 'fail');
    const spans = await stack.collector.waitForSpans(
      job.traceId,
      (all) => all.filter(({ name }) => name === 'inner').length === 2,
      60_000,
    );
    expect(spans.some(({ name, statusMessage }) => name === 'inner' && statusMessage === 'no')).toBe(true);
  });
});
