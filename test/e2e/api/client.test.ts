import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';
import { Miniflare } from 'miniflare';
import { beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import { ApiError, type HistoryEvent, NoAnswerError, ThroughlineClient } from '../../../client/index.ts';
import { AcceptedResult } from '../../../shared/api/answers/batch-report.ts';
import { run } from '../../support/cli/process.ts';
import { checked, contract } from '../../support/http/contract.ts';
import { until } from '../../support/poll.ts';
import { startTestStack, type TestStack } from '../../support/stack.ts';

const TRACE_ID = '4bf92f3577b34da6a3ce929d0e0e4736';
const TRACEPARENT = `00-${TRACE_ID}-00f067aa0ba902b7-01`;

let stack: TestStack;
let client: ThroughlineClient;
/** The operations of the document that the client has called so far. */
const asked = new Set<string>();

beforeAll(async () => {
  stack = await startTestStack({ operationsFolder: 'test/fixtures/operations' });
  client = new ThroughlineClient({ url: `${stack.url}/`, apiKey: stack.apiKey, fetch: observed });
});

/** Checks every answer against the document. */
async function observed(input: string | URL | Request, init?: RequestInit): Promise<Response> {
  const url = new URL(String(input));
  const method = init?.method ?? 'GET';
  asked.add(contract.find(method, url.pathname)?.value.operationId as string);
  return await checked(method, `${url.pathname}${url.search}`, await fetch(input, init));
}

async function refusalOf(work: Promise<unknown>): Promise<ApiError> {
  const thrown = await work.catch((reason: unknown) => reason);
  expect(thrown).toBeInstanceOf(ApiError);
  return thrown as ApiError;
}

async function kindsOf(events: AsyncIterable<HistoryEvent>): Promise<string[]> {
  const kinds: string[] = [];
  for await (const { kind } of events) kinds.push(kind);
  return kinds;
}

describe('the client', () => {
  it('submits a job, waits for it, and reads it', async () => {
    const { job, status, replayed } = await client.submit(
      { operation: 'echo', input: { hello: 'world' } },
      { waitSeconds: 20 },
    );
    expect({ status, replayed, result: job.result }).toEqual({
      status: 200,
      replayed: false,
      result: { hello: 'world' },
    });
    expect((await client.get(job.id)).attempts).toHaveLength(1);
  });

  it('lists jobs, and the jobs in the outbox', async () => {
    const { job } = await client.submit({ operation: 'echo', input: 'listed' }, { waitSeconds: 20 });
    const page = await client.list({ state: 'succeeded', operation: 'echo', limit: 100 });
    expect(page.complete).toBe(true);
    expect(page.jobs.map(({ id }) => id)).toContain(job.id);
    expect(await client.outbox({ limit: 1 })).toEqual([]);
    for (const call of [() => client.retry(job.id), () => client.removeRejected(job.id)])
      await expect(call()).rejects.toMatchObject({ code: 'job-unknown', status: 404 });
  });

  it('submits a job again with its idempotency key', async () => {
    const submit = () => client.submit({ operation: 'echo', input: 1 }, { idempotencyKey: 'again' });
    const first = await submit();
    const second = await submit();
    expect([first.replayed, second.replayed]).toEqual([false, true]);
    expect(second.job.id).toBe(first.job.id);
  });

  it('submits a job unless one with its unique key is there', async () => {
    const submit = () =>
      client.submit({
        operation: 'echo',
        input: 1,
        delay: '1h',
        unique: { key: 'daily', while: 'queued', for: '1d' },
      });
    const first = await submit();
    const second = await submit();
    expect([first.existing, second.existing, second.status]).toEqual([false, true, 200]);
    expect(second.job.id).toBe(first.job.id);
    const { results } = await client.submitBatch([
      { operation: 'echo', input: 1, unique: { key: 'daily', while: 'queued' } },
    ]);
    expect(results).toMatchObject([{ status: 200, existing: true, job: { id: first.job.id } }]);
  });

  it('lists and cancels jobs by their tags', async () => {
    const submission = { operation: 'echo', input: 1, delay: '1h', tags: ['client', 'night'] };
    const jobs = [await client.submit(submission), await client.submit(submission)].map(({ job }) => job.id);
    await until('them to be listed', async () => (await client.list({ tags: ['client'] })).jobs.length === 2);
    expect((await client.list({ tags: ['client', 'day'] })).jobs).toEqual([]);
    const first = await client.cancelMany({ tags: ['night', 'client'], state: 'queued', limit: 1 });
    const rest = await client.cancelMany({ tags: ['night', 'client'], cursor: first.cursor });
    expect([...first.cancelled, ...rest.cancelled].toSorted()).toEqual(jobs.toSorted());
  });

  it('takes its trace from an option, for all requests or for one', async () => {
    const traced = new ThroughlineClient({
      url: stack.url,
      apiKey: stack.apiKey,
      trace: () => ({ traceparent: TRACEPARENT }),
    });
    expect((await traced.submit({ operation: 'echo', input: 1 })).job.traceId).toBe(TRACE_ID);
    const other = TRACEPARENT.replace(TRACE_ID, TRACE_ID.replace('4', '5'));
    const { job } = await traced.submit({ operation: 'echo', input: 1 }, { trace: { traceparent: other } });
    expect(job.traceId).toBe(TRACE_ID.replace('4', '5'));
  });

  it('submits many jobs, and gives the result of each', async () => {
    const { results } = await client.submitBatch([
      { operation: 'echo', input: 1 },
      { operation: 'ecco', input: 1 },
    ]);
    expect(results).toMatchObject([
      { status: 202, job: { operation: 'echo' } },
      { status: 422, problem: { code: 'operation-unknown' } },
    ]);
  });

  it('follows a job over cut connections, and gives each event once', async () => {
    let cuts = 0;
    const cutting = new ThroughlineClient({
      url: stack.url,
      apiKey: stack.apiKey,
      fetch: async (input, init) => {
        const response = await fetch(input, init);
        if (!String(input).endsWith('/events') || ++cuts > 2) return response;
        // The first event comes through; then the connection ends.
        const [first, rest] = await firstEventOf(response);
        await rest.cancel();
        return new Response(first, { status: response.status, headers: response.headers });
      },
    });
    const { job } = await cutting.submit({ operation: 'test.mode', input: { mode: 'fail-until', until: 3 } });
    const kinds = await kindsOf(cutting.watch(job.id));
    expect(cuts).toBe(3);
    expect(kinds.filter((kind) => kind !== 'progress')).toEqual([
      'started',
      'retrying',
      'started',
      'retrying',
      'started',
      'succeeded',
    ]);
    expect((await cutting.wait(job.id)).state).toBe('succeeded');
  });

  it('closes an event stream when its reader stops, or its signal is aborted', async () => {
    const { job } = await client.submit({ operation: 'test.mode', input: { mode: 'hang' } });
    for await (const { kind } of client.watch(job.id)) if (kind === 'started') break;
    const stop = new AbortController();
    const reason = new Error('enough');
    const watching = async (): Promise<void> => {
      for await (const _ of client.watch(job.id, { signal: stop.signal })) stop.abort(reason);
    };
    await expect(watching()).rejects.toBe(reason);
    const waited = client.wait(job.id);
    expect((await client.cancel(job.id, { waitSeconds: 20 })).job.state).toBe('cancelled');
    expect((await waited).state).toBe('cancelled');
    expect(await refusalOf(client.cancel(job.id))).toMatchObject({ code: 'job-finished', status: 409 });
  });

  it('lists, reads and redrives dead letters', async () => {
    const { job } = await client.submit(
      { operation: 'test.mode', input: { mode: 'reject' } },
      { waitSeconds: 20 },
    );
    const deadLetter = await until('the dead letter', () => client.deadLetter(job.id));
    expect(deadLetter).toMatchObject({ id: job.id, reason: 'operation-rejected', input: { mode: 'reject' } });
    expect((await client.listDeadLetters({ limit: 1 })).deadLetters).toHaveLength(1);
    expect(await client.redrive(job.id)).toMatchObject({ id: job.id, previousTraceIds: [job.traceId] });
    expect((await client.wait(job.id)).state).toBe('failed');
    await until('the dead letter', () => client.deadLetter(job.id));
    const report = await client.redriveMany({ operation: 'test.mode', reason: 'operation-rejected' });
    expect(report.redriven).toContain(job.id);
  });

  it('makes, reads, changes, triggers and deletes schedules', async () => {
    const { schedules } = client;
    const nightly = { operation: 'echo', input: { of: 'night' }, cron: '30 2 * * *', tags: ['night'] };
    const made = await schedules.put('nightly', { ...nightly, timeZone: 'Europe/Berlin', timeout: '5s' });
    expect(made).toMatchObject({ created: true, schedule: { ...nightly, timeout: '5s', paused: false } });
    expect((await schedules.put('nightly', nightly)).created).toBe(false);
    await schedules.put('pulse', { operation: 'echo', input: null, every: '366d' });
    expect((await schedules.pause('nightly')).nextRuns).toEqual([]);
    const page = await schedules.list({ limit: 1 });
    expect(page.schedules).toMatchObject([{ name: 'nightly', cron: '30 2 * * *', paused: true }]);
    const rest = await schedules.list({ cursor: page.cursor });
    expect(rest.schedules.map(({ name }) => name)).toEqual(['pulse']);
    expect((await schedules.resume('nightly')).nextRuns).toHaveLength(5);
    const trigger = () => schedules.trigger('nightly', { idempotencyKey: 'once' });
    const job = await trigger();
    const again = await trigger();
    expect(again.id).toBe(job.id);
    expect((await client.wait(job.id)).result).toEqual({ of: 'night' });
    expect((await schedules.get('nightly')).lastRuns).toMatchObject([{ triggered: true, jobId: job.id }]);
    for (const name of ['nightly', 'pulse']) await schedules.delete(name);
    expect(await refusalOf(schedules.get('nightly'))).toMatchObject({
      code: 'schedule-unknown',
      status: 404,
    });
    const never = await refusalOf(schedules.put('never', { ...nightly, cron: '0 0 31 2 *' }));
    expect(never.violations).toMatchObject([
      { path: '/cron', message: expect.stringContaining('never runs') },
    ]);
  });

  it('lists the operations', async () => {
    expect((await client.operations()).map(({ name }) => name)).toContain('test.mode');
  });

  it('reads what the tenant uses, and its quotas', async () => {
    const { used, quotas } = await client.usage();
    expect(quotas.jobs).toBeGreaterThan(used.jobs);
  });

  it('throws the problem that the API answers, with all its fields', async () => {
    const error = await refusalOf(client.submit({ operation: 'echo', input: 1, maxAttempts: 0 }));
    expect(error).toMatchObject({
      code: 'request-invalid',
      status: 400,
      violations: [{ path: '/maxAttempts', message: expect.any(String) }],
      traceId: expect.stringMatching(/^[0-9a-f]{32}$/),
    });
    const stranger = new ThroughlineClient({ url: stack.url });
    expect(await refusalOf(stranger.get('x'))).toMatchObject({ code: 'unauthenticated', status: 401 });
    expect(await refusalOf(client.get('no-such-job'))).toMatchObject({ code: 'job-unknown', status: 404 });
  });

  it('throws another error when no answer comes', async () => {
    const lost = new ThroughlineClient({ url: 'http://127.0.0.1:9' });
    await expect(lost.operations()).rejects.toMatchObject({ name: 'NoAnswerError', code: 'unreachable' });
    const html = async () => new Response('<html>');
    const other = new ThroughlineClient({ url: stack.url, fetch: html });
    await expect(other.get('x')).rejects.toThrow(NoAnswerError);
    await expect(other.get('x')).rejects.toMatchObject({ code: 'answer-invalid' });
  });

  it('has a method for each operation under /v1', () => {
    const described = contract.operations.filter(({ path }) => path.startsWith('/v1/'));
    expect([...asked].sort()).toEqual(described.map(({ value }) => value.operationId).sort());
  });
});

/** The part of an event stream up to the end of its first event, and the rest. */
async function firstEventOf(response: Response): Promise<[Uint8Array<ArrayBuffer>, ReadableStream]> {
  const [ours, rest] = (response.body ?? new ReadableStream()).tee();
  let seen = '';
  const reader = ours.pipeThrough(new TextDecoderStream()).getReader();
  while (!/data: .*\n\n/.test(seen)) {
    const { done, value } = await reader.read();
    if (done) break;
    seen += value;
  }
  await reader.cancel();
  const [first = ''] = /^[\s\S]*?data: .*\n\n/.exec(seen) ?? [seen];
  return [new TextEncoder().encode(first), rest];
}

it('the client runs in workerd', async () => {
  const { outputFiles } = await build({
    stdin: {
      resolveDir: fileURLToPath(new URL('../../../', import.meta.url)),
      loader: 'ts',
      contents: `
        import { ThroughlineClient } from './client/index.ts';
        export default {
          async fetch(request) {
            const client = new ThroughlineClient(await request.json());
            const { job } = await client.submit({ operation: 'echo', input: 'from workerd' });
            const kinds = [];
            for await (const event of client.watch(job.id)) kinds.push(event.kind);
            return Response.json({ kinds, result: (await client.get(job.id)).result });
          },
        };`,
    },
    bundle: true,
    format: 'esm',
    target: 'es2024',
    platform: 'browser',
    write: false,
  });
  const worker = { type: 'esm' as const, contents: outputFiles[0]?.text ?? '' };
  const workerd = new Miniflare({
    workers: [
      {
        config: {
          name: 'client',
          compatibilityDate: '2026-10-20',
          manifest: { mainModule: 'client.js', modulesRoot: '/', modules: { 'client.js': worker } },
        },
      },
    ],
  });
  onTestFinished(() => workerd.dispose());
  const body = JSON.stringify({ url: stack.url, apiKey: stack.apiKey });
  const response = await workerd.dispatchFetch('http://client/', { method: 'POST', body });
  expect(await response.json()).toEqual({ kinds: ['started', 'succeeded'], result: 'from workerd' });
});

describe('throughline submit --batch', () => {
  const TRACE_ID = '0af7651916cd43dd8448eb211c80319c';

  async function submitBatch(input: string, ...args: string[]) {
    const environment = { TRACEPARENT: `00-${TRACE_ID}-b7ad6b7169203331-01` };
    const { stdout, ...end } = await run(stack, ['submit', '--batch', '-', ...args], {
      stdin: input,
      environment,
    });
    return { ...end, lines: stdout.split('\n').filter(Boolean) };
  }
  const jobs = (count: number): string =>
    Array.from({ length: count }, (_, index) => JSON.stringify({ operation: 'echo', input: index })).join(
      '\n',
    );

  it('submits every job from stdin in the trace of its caller, and prints a line for each, in order', async () => {
    const { code, lines } = await submitBatch(jobs(205), '--json');
    expect(code).toBe(0);
    const results = lines.map((line) => AcceptedResult.parse(JSON.parse(line)));
    expect(results).toHaveLength(205);
    expect(new Set(results.map(({ status }) => status))).toEqual(new Set([202]));
    expect(new Set(results.map(({ job }) => job.traceId))).toEqual(new Set([TRACE_ID]));
    expect((await client.wait(results[204]?.job.id ?? '')).result).toBe(204);
  });

  it('ends with 2 when a job was refused, and names the job and the reason; the others are accepted', async () => {
    const { code, lines } = await submitBatch(`${jobs(1)}\n{"operation":"ecco","input":1}\n${jobs(1)}`);
    expect(code).toBe(2);
    expect(lines).toEqual([
      expect.stringMatching(/^[0-9a-f-]{36} queued$/),
      expect.stringMatching(/^job 2 refused: .*did you mean echo\? \(operation-unknown\)$/),
      expect.stringMatching(/^[0-9a-f-]{36} queued$/),
    ]);
  });

  it('uses the same keys when the same file is submitted again', async () => {
    const send = () =>
      submitBatch(`[${jobs(101).split('\n').join(',')}]`, '--json', '--idempotency-key', 'nightly');
    const idsOf = ({ lines }: { lines: string[] }) => lines.map((line) => JSON.parse(line).job.id as string);
    const ids = idsOf(await send());
    expect(new Set(ids).size).toBe(101);
    expect(idsOf(await send())).toEqual(ids);
  });

  it.each([
    ['an operation', ['echo'], 'not both'],
    ['a wait', ['--wait=3'], '--wait is for one job'],
  ])('refuses %s beside the batch', async (_, args, message) => {
    const { code, stderr } = await submitBatch(jobs(1), ...args);
    expect(code).toBe(2);
    expect(stderr).toContain(message);
  });
});

it('`throughline types` writes the operations that the worker has announced', async () => {
  const { code, stdout } = await run(stack, ['types']);
  expect(code).toBe(0);
  expect(stdout).toContain('readonly "test.mode": {');
  expect(stdout).toMatch(/readonly "echo": \{\n {4}readonly input: unknown;/);
});
