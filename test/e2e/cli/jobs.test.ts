import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import type { JobEvent } from '../../../shared/job/event.ts';
import type { Job } from '../../../shared/job/job.ts';
import { extract, fromNodeHeaders } from '../../../shared/propagation/index.ts';
import { scratchFolder } from '../../support/cleanup.ts';
import { run } from '../../support/cli/process.ts';
import {
  type Answer,
  API_KEY,
  answer,
  DONE,
  JOB,
  type Seen,
  SPAN_ID,
  serve,
  type TestServer,
  TRACE_ID,
} from '../../support/cli/servers.ts';

const RUNNING: Job = { ...JOB, state: 'running', attempt: 1, progress: { fraction: 0.5, message: 'half' } };
const FAILED: Job = { ...DONE, state: 'failed', error: { code: 'operation-failed', message: 'no luck' } };

function bodyOf(request: Seen | undefined): unknown {
  return JSON.parse(String(request?.body));
}

describe.concurrent('a submission', () => {
  it('is a POST of operation and input, with the key and the limits that were given, and no header more', async () => {
    const api = await serve(() => answer(202, JOB));
    const limits = [
      '--timeout',
      '30s',
      '--max-attempts',
      '2',
      '--idempotency-key',
      'once',
      '--api-key',
      API_KEY,
    ];
    const { code, stderr } = await run(api, ['submit', 'http.request', '{"a":[1]}', ...limits]);
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    expect(api.seen).toHaveLength(1);
    expect(api.seen[0]).toMatchObject({ method: 'POST', path: '/v1/jobs' });
    expect(bodyOf(api.seen[0])).toEqual({
      operation: 'http.request',
      input: { a: [1] },
      timeout: '30s',
      maxAttempts: 2,
    });
    expect(api.seen[0]?.headers).toMatchObject({
      authorization: `Bearer ${API_KEY}`,
      'content-type': 'application/json',
      'idempotency-key': 'once',
      'user-agent': expect.stringMatching(/^throughline-cli\/\d/),
    });
    expect(api.seen[0]?.headers).not.toHaveProperty('prefer');
    expect(api.seen[0]?.headers).not.toHaveProperty('baggage');
  });

  it('takes its input from standard input, from a file, and is null without', async () => {
    const api = await serve(() => answer(202, JOB));
    const path = join(await scratchFolder(), 'input.json');
    await writeFile(path, '{"from":"file"}');
    await run(api, ['submit', 'echo', '-'], { stdin: '{"from":"stdin"}\n' });
    await run(api, ['submit', 'echo', `@${path}`]);
    await run(api, ['submit', 'echo'], { stdin: '{"from":"nowhere"}' });
    expect(api.seen.map(bodyOf)).toMatchObject([
      { input: { from: 'stdin' } },
      { input: { from: 'file' } },
      { input: null },
    ]);
  });

  it('sends a valid trace context even when nothing is traced', async () => {
    const api = await serve(() => answer(202, JOB));
    await run(api, ['submit', 'echo']);
    const { outcome, dropped } = extract(fromNodeHeaders(api.seen[0]?.headers ?? {}));
    expect({ outcome, dropped }).toMatchObject({ outcome: 'continued', dropped: { tracestateMembers: 0 } });
  });

  it("continues the environment's trace, and adds to its baggage", async () => {
    const api = await serve(() => answer(202, JOB));
    const environment = {
      TRACEPARENT: `00-${TRACE_ID}-${SPAN_ID}-01`,
      TRACESTATE: 'ci=1',
      BAGGAGE: 'run=7',
    };
    const pairs = ['--baggage', 'user=Adä, "x"', '--baggage=__proto__=p=q'];
    const { code } = await run(api, ['submit', 'echo', ...pairs], { environment });
    expect(code).toBe(0);
    expect(api.seen[0]?.headers).toMatchObject({
      traceparent: environment.TRACEPARENT,
      tracestate: 'ci=1',
      baggage: 'run=7,user=Ad%C3%A4%2C%20%22x%22,__proto__=p=q',
    });
  });

  it('starts a new trace where the environment has a broken one, and says so once', async () => {
    const api = await serve(() => answer(202, JOB));
    const environment = { TRACEPARENT: `00-${TRACE_ID}-${SPAN_ID}-0x` };
    const human = await run(api, ['submit', 'echo'], { environment });
    expect(human).toMatchObject({
      code: 0,
      stderr: expect.stringMatching(/^warning: TRACEPARENT .*malformed.*\n$/),
    });
    const json = await run(api, ['submit', 'echo', '--json'], { environment });
    expect(json).toMatchObject({ code: 0, stderr: '' });
    for (const { headers } of api.seen) expect(headers.traceparent).not.toContain(TRACE_ID);
  });

  it.each([
    ['--wait', 'wait=30', 200, DONE, 0],
    ['--wait=7', 'wait=7', 200, FAILED, 1],
    ['--wait=60', 'wait=60', 200, { ...DONE, state: 'cancelled' }, 1],
    ['--wait=1', 'wait=1', 202, RUNNING, 4],
  ])(
    'with %s asks for %s, and its exit code tells the end of the job',
    async (flag, prefer, status, job, code) => {
      const api = await serve(() => answer(status, job));
      const result = await run(api, ['submit', 'echo', flag, '--json']);
      expect(result).toMatchObject({ code, stderr: '' });
      expect(JSON.parse(result.stdout)).toEqual(job);
      expect(api.seen[0]?.headers.prefer).toBe(prefer);
    },
  );

  it('prints id, state, trace id and result in a pipe without colour, and nothing on stderr', async () => {
    const api = await serve(() => answer(200, DONE));
    const { stdout, stderr } = await run(api, ['submit', 'echo', '--wait']);
    expect(stderr).toBe('');
    expect(stdout).toBe(
      [
        'job        job-1',
        'operation  echo',
        'state      succeeded',
        'attempt    1 of 3',
        'took       1.0 s',
        `trace      ${TRACE_ID}`,
        'result     {"hello":"world"}',
        '',
      ].join('\n'),
    );
  });

  it('keeps what a later version of the API says of a job', async () => {
    const job = { ...DONE, cancelledBy: 'ada' };
    const api = await serve(() => answer(200, job));
    expect(JSON.parse((await run(api, ['submit', 'echo', '--json'])).stdout)).toEqual(job);
  });
});

/** An older API: it has no address for events, and what it is asked there is not kept. */
async function serveWithoutStreams(reply: () => Answer | undefined): Promise<TestServer> {
  const { url, seen } = await serve(({ path }) =>
    path?.endsWith('/events') ? answer(404, { code: 'route-unknown' }) : reply(),
  );
  return {
    url,
    get seen() {
      return seen.filter(({ path }) => !path?.endsWith('/events'));
    },
  };
}

describe.concurrent('watch, where the API has no event streams', () => {
  it('asks until the job has ended, and says nothing but the job in a pipe', async () => {
    const jobs = [JOB, RUNNING, DONE];
    const api = await serveWithoutStreams(() => answer(200, jobs.shift()));
    const { stdout, ...result } = await run(api, ['watch', 'job-1', '--json', '--api-key', API_KEY]);
    expect(result).toEqual({ code: 0, stderr: '' });
    expect(JSON.parse(stdout)).toEqual(DONE);
    expect(api.seen).toHaveLength(3);
    for (const { method, path, headers } of api.seen) {
      expect({ method, path }).toEqual({ method: 'GET', path: '/v1/jobs/job-1' });
      expect(headers.authorization).toBe(`Bearer ${API_KEY}`);
    }
  });

  it('ends with 1 when the job has failed', async () => {
    const api = await serveWithoutStreams(() => answer(200, FAILED));
    const { code, stdout } = await run(api, ['watch', 'job-1']);
    expect(code).toBe(1);
    expect(stdout).toContain('error      no luck (operation-failed)');
  });

  it('ends with 4 and the job as it stands when time is up', async () => {
    const api = await serveWithoutStreams(() => answer(200, RUNNING));
    const { code, stdout, stderr } = await run(api, ['watch', 'job-1', '--timeout', '3s', '--json']);
    expect({ code, stderr, job: JSON.parse(stdout) }).toEqual({ code: 4, stderr: '', job: RUNNING });
  });

  it('bears an API that is away for a moment, but not one that never was there', async () => {
    const answers = [answer(200, RUNNING), answer(503, 'deploying'), answer(200, DONE)];
    const api = await serveWithoutStreams(() => answers.shift());
    expect((await run(api, ['watch', 'job-1'])).code).toBe(0);
    const away = await serveWithoutStreams(() => answer(503, 'deploying'));
    expect((await run(away, ['watch', 'job-1'])).code).toBe(3);
    expect(away.seen).toHaveLength(1);
  });

  it('ends at once when the API refuses, whatever it said before', async () => {
    const answers = [
      answer(200, RUNNING),
      answer(401, { code: 'unauthenticated', detail: 'the key is gone' }),
    ];
    const api = await serveWithoutStreams(() => answers.shift());
    expect((await run(api, ['watch', 'job-1'])).code).toBe(5);
  });
});

describe.concurrent('watch, by the event stream', () => {
  const event = (id: number, kind: JobEvent['kind'], more: Partial<JobEvent> = {}) => ({
    id: String(id),
    kind,
    jobId: JOB.id,
    operation: 'echo',
    attempt: 1,
    maxAttempts: 3,
    released: 0,
    acceptedAt: JOB.acceptedAt,
    at: JOB.acceptedAt,
    worker: 'w',
    traceId: TRACE_ID,
    spanId: SPAN_ID,
    ...more,
  });
  const [STARTED, PROGRESS] = [event(3, 'started'), event(5, 'progress', { progress: { fraction: 0.5 } })];
  const SUCCEEDED = event(9, 'succeeded', { result: { hello: 'world' } });
  type Sent = ReturnType<typeof event>;

  /** An API whose event stream is cut after each of these parts; the job has ended with the last. */
  async function serveStream(...parts: (readonly Sent[] | Answer)[]) {
    const left = [...parts];
    return await serve(({ path }, response) => {
      if (!path?.endsWith('/events')) return answer(200, left.length === 0 ? DONE : RUNNING);
      const part = left.shift();
      if (part === undefined) return answer(204, '');
      if ('status' in part) return part;
      response.writeHead(200, { 'content-type': 'text/event-stream' });
      for (const sent of part)
        response.write(`:\n\nid: ${sent.id}\nevent: ${sent.kind}\ndata: ${JSON.stringify(sent)}\n\n`);
      if (left.length === 0) response.end();
      else response.write('id: 99\nevent: progress\ndata: {"cut', () => response.destroy());
      return undefined;
    });
  }
  const streamsOf = ({ seen }: TestServer) => seen.filter(({ path }) => path?.endsWith('/events'));

  it('goes on behind the last event when it is cut, and says nothing but the job in a pipe', async () => {
    const api = await serveStream([STARTED], answer(503, 'deploying'), [PROGRESS], [SUCCEEDED]);
    const { stdout, ...result } = await run(api, ['watch', 'job-1', '--json', '--api-key', API_KEY]);
    expect(result).toEqual({ code: 0, stderr: '' });
    expect(JSON.parse(stdout)).toEqual(DONE);
    expect(streamsOf(api).map(({ headers }) => headers['last-event-id'])).toEqual([undefined, '3', '3', '5']);
    for (const { headers } of api.seen) expect(headers.authorization).toBe(`Bearer ${API_KEY}`);
    expect(api.seen).toHaveLength(2 + 4);
  });

  it('prints every event as a line of JSON where asked to', async () => {
    const api = await serveStream([STARTED, PROGRESS], [SUCCEEDED]);
    const { code, stdout } = await run(api, ['watch', 'job-1', '--events']);
    expect(code).toBe(0);
    const lines = stdout.trimEnd().split('\n');
    expect(lines.map((line) => JSON.parse(line))).toEqual([STARTED, PROGRESS, SUCCEEDED]);
  });

  it('prints the events of a job that has ended, and its exit code is the job’s', async () => {
    const failed = event(9, 'failed', { error: { code: 'operation-failed', message: 'no luck' } });
    const api = await serve(({ path }) =>
      path?.endsWith('/events')
        ? answer(200, `id: 9\ndata: ${JSON.stringify(failed)}\n\n`, { 'content-type': 'text/event-stream' })
        : answer(200, FAILED),
    );
    const { code, stdout } = await run(api, ['watch', 'job-1', '--events', '--json']);
    expect({ code, event: JSON.parse(stdout) }).toEqual({ code: 1, event: failed });
  });

  it('ends with 2 where events are asked for and the API has none', async () => {
    const api = await serveWithoutStreams(() => answer(200, RUNNING));
    expect((await run(api, ['watch', 'job-1', '--events'])).code).toBe(2);
  });

  it('ends with 4 and the job as the events tell when time is up', async () => {
    const api = await serve(({ path }, response) => {
      if (!path?.endsWith('/events')) return answer(200, JOB);
      response.writeHead(200, { 'content-type': 'text/event-stream' });
      response.write(`id: 5\ndata: ${JSON.stringify(PROGRESS)}\n\n`);
      return undefined;
    });
    const { code, stdout } = await run(api, ['watch', 'job-1', '--timeout', '4s', '--json']);
    expect(code).toBe(4);
    expect(JSON.parse(stdout)).toMatchObject({ state: 'running', progress: { fraction: 0.5 } });
  });

  it('ends when the API refuses to go on', async () => {
    const api = await serveStream([STARTED], answer(401, { code: 'unauthenticated' }), [SUCCEEDED]);
    expect((await run(api, ['watch', 'job-1'])).code).toBe(5);
  });
});
