import { symlink, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { beforeAll, expect, it } from 'vitest';
import { shortName } from '../../../shared/trace/short-name.ts';
import { scratchFolder } from '../../support/cleanup.ts';
import { blockOf } from '../../support/docs/pages.ts';
import { startTestStack, type TestStack } from '../../support/stack.ts';

const BAGGAGE = 'user=ann';

let stack: TestStack;
beforeAll(async () => {
  const folder = await scratchFolder();
  await symlink(path.resolve('node_modules'), path.join(folder, 'node_modules'));
  for (const name of ['report', 'convert', 'hash'])
    await writeFile(path.join(folder, `${name}.ts`), blockOf('docs/TRACING.md', `ts operations/${name}.ts`));
  await writeFile(
    path.join(folder, 'shown.ts'),
    `import { defineOperation, withSpan } from 'throughline/worker';
import * as z from 'zod';
export default defineOperation({
  name: 'shown',
  input: z.unknown(),
  run: async ({ job, log }) => {
    log.info({ job }, 'shown');
    const within = await withSpan('within', () => job.carrier.traceparent);
    const outside = await new Promise((resolve) => job.run(() => setTimeout(() => resolve(job.carrier), 1)));
    return { job, within, outside, isSame: job.run(() => 7) === 7 };
  },
});
`,
  );
  await writeFile(
    path.join(folder, 'keep.ts'),
    `import { defineOperation } from 'throughline/worker';
import * as z from 'zod';
const kept: (() => void)[] = [];
let next: (() => void) | undefined;
setInterval(() => next?.(), 10);
export default defineOperation({
  name: 'keep',
  input: z.enum(['keep', 'call', 'wait']),
  run: async ({ input, log }) => {
    if (input === 'keep') kept.push(() => log.info('called by another job'));
    if (input === 'call') for (const call of kept.splice(0)) call();
    if (input === 'wait')
      await new Promise<void>((resolve) => {
        next = () => resolve(log.info('called by no job'));
      });
    next = undefined;
  },
});
`,
  );
  await writeFile(
    path.join(folder, 'send.ts'),
    `import { createServer, request } from 'node:http';
import type { AddressInfo } from 'node:net';
import { json } from 'node:stream/consumers';
import { defineOperation } from 'throughline/worker';
import * as z from 'zod';
const server = createServer((asked, answer) => answer.end(JSON.stringify(asked.headersDistinct)));
server.listen(0, '127.0.0.1').unref();
export default defineOperation({
  name: 'send',
  input: z.unknown(),
  run: async ({ job }) => {
    const url = \`http://127.0.0.1:\${(server.address() as AddressInfo).port}\`;
    const fetched = await (await fetch(url, { headers: { ...job.carrier } })).json();
    const list = ['X-One', '1', 'Traceparent', String(job.carrier.traceparent), 'x-one', '2'];
    const listed = await new Promise((resolve, reject) =>
      request(url, { headers: list }, (answer) => json(answer).then(resolve, reject)).end(),
    );
    return { fetched, listed };
  },
});
`,
  );
  stack = await startTestStack({ operationsFolder: folder });
});

/** Runs a job, and gives its result and its spans. */
async function traced(operation: string, input: unknown) {
  const job = await stack.run(operation, input, { baggage: BAGGAGE });
  expect(job).toMatchObject({ state: 'succeeded' });
  const spans = await stack.collector.waitForSpans(
    job.traceId,
    (all) => all.some(({ kind }) => kind === 'CONSUMER'),
    60_000,
  );
  const attempt = spans.find(({ kind }) => kind === 'CONSUMER');
  const named = (name: string) => spans.find((span) => shortName(span) === name);
  return { result: job.result, attempt, named, traceparent: `00-${job.traceId}-${attempt?.spanId}-0` };
}

it('a callback that a queue of a module calls is a part of the job, with job.run', async () => {
  const { result, attempt, named } = await traced('report.print', { pages: 3 });
  expect(result).toEqual({ printed: 3 });
  expect(named('print')?.parentSpanId).toBe(attempt?.spanId);
});

it('a child process continues the trace, with TRACEPARENT from job.carrier', async () => {
  const { result, traceparent } = await traced('video.convert', { name: 'a.mov' });
  expect(result).toEqual({ converted: 'a.mov', traceparent: expect.stringContaining(traceparent) });
});

it('a worker thread gets the trace and the baggage, with job.carrier', async () => {
  const { result, traceparent } = await traced('text.hash', { text: 'hello' });
  expect(result).toEqual({
    hash: expect.stringMatching(/^2cf24d/),
    headers: { traceparent: expect.stringContaining(traceparent), baggage: BAGGAGE },
  });
});

it('job.carrier names the active span, and neither a log line nor a result shows it', async () => {
  const { result, named, traceparent } = await traced('shown', 1);
  expect(result).toMatchObject({
    within: expect.stringContaining(named('within')?.spanId ?? 'no span'),
    outside: { traceparent: expect.stringContaining(traceparent) },
    isSame: true,
  });
  const [line] = await stack.logged(({ msg }) => msg === 'shown');
  expect(JSON.stringify([(result as { readonly job: unknown }).job, line?.data])).not.toContain(BAGGAGE);
});

it('a log line of a job has the ids of its own attempt, even when code of another job writes it', async () => {
  const kept = await traced('keep', 'keep');
  const caller = await traced('keep', 'call');
  const waiting = await traced('keep', 'wait');
  const idsOf = async (wanted: string) => {
    const [line] = await stack.logged(({ msg }) => msg === wanted);
    return { traceId: line?.trace_id, spanId: line?.span_id };
  };
  expect(caller.attempt?.traceId).not.toBe(kept.attempt?.traceId);
  for (const [words, { attempt }] of [
    ['called by another job', kept],
    ['called by no job', waiting],
  ] as const)
    expect(await idsOf(words)).toEqual({ traceId: attempt?.traceId, spanId: attempt?.spanId });
});

it('a request to which an author gives the carrier too has one traceparent, that of its own span', async () => {
  const { result, attempt } = await traced('send', 1);
  const { fetched, listed } = result as Record<string, Record<string, string[]>>;
  const spans = stack.collector.allSpans().filter(({ parentSpanId }) => parentSpanId === attempt?.spanId);
  const own = spans.filter(({ name }) => name === 'GET').map(({ spanId }) => spanId);
  for (const headers of [fetched, listed]) {
    expect(headers?.traceparent).toHaveLength(1);
    expect(own).toContain(headers?.traceparent?.[0]?.slice(36, 52));
  }
  expect(listed).toMatchObject({ 'x-one': ['1', '2'] });
  expect(listed).not.toHaveProperty('0');
});
