import { describe, expect, it } from 'vitest';
import type { JobEvent } from '../../../../../shared/job/event.ts';
import type { Job } from '../../../../../shared/job/job.ts';
import { callHere } from '../../../../support/cli/in-process.ts';
import {
  type Answer,
  API_KEY,
  answer,
  DONE,
  JOB,
  SPAN_ID,
  serve,
  type TestServer,
  TRACE_ID,
} from '../../../../support/cli/servers.ts';

const RUNNING: Job = { ...JOB, state: 'running', attempt: 1, progress: { fraction: 0.5, message: 'half' } };
const FAILED: Job = { ...DONE, state: 'failed', error: { code: 'operation-failed', message: 'no luck' } };

/** An older API without event streams. Requests for events are not in `seen`. */
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

describe('watch, if the API has no event streams', () => {
  it('reads the job until it has ended, and prints only the job in a pipe', async () => {
    const jobs = [JOB, RUNNING, DONE];
    const api = await serveWithoutStreams(() => answer(200, jobs.shift()));
    const { stdout, ...result } = await callHere(api, ['watch', 'job-1', '--json', '--api-key', API_KEY]);
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
    const { code, stdout } = await callHere(api, ['watch', 'job-1']);
    expect(code).toBe(1);
    expect(stdout).toContain('error      no luck (operation-failed)');
  });

  it('ends with 4 and the job as it is when the time is over', async () => {
    const api = await serveWithoutStreams(() => answer(200, RUNNING));
    const { code, stdout, stderr } = await callHere(api, ['watch', 'job-1', '--timeout', '3s', '--json']);
    expect({ code, stderr, job: JSON.parse(stdout) }).toEqual({ code: 4, stderr: '', job: RUNNING });
  });

  it('goes on when the API is away for a moment, but not when it never answered', async () => {
    const answers = [answer(200, RUNNING), answer(503, 'deploying'), answer(200, DONE)];
    const api = await serveWithoutStreams(() => answers.shift());
    expect((await callHere(api, ['watch', 'job-1'])).code).toBe(0);
    const away = await serveWithoutStreams(() => answer(503, 'deploying'));
    expect((await callHere(away, ['watch', 'job-1'])).code).toBe(3);
    expect(away.seen).toHaveLength(1);
  });

  it('ends immediately when the API refuses', async () => {
    const answers = [
      answer(200, RUNNING),
      answer(401, { code: 'unauthenticated', detail: 'the key is gone' }),
    ];
    const api = await serveWithoutStreams(() => answers.shift());
    expect((await callHere(api, ['watch', 'job-1'])).code).toBe(5);
  });
});

describe('watch, by event streams', () => {
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
  const STARTED = event(3, 'started');
  const PROGRESS = event(5, 'progress', { progress: { fraction: 0.5 } });
  const SUCCEEDED = event(9, 'succeeded', { result: { hello: 'world' } });
  type Sent = ReturnType<typeof event>;

  /** An API that cuts its event stream after each of these parts. The job has ended after the last one. */
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

  it('goes on after the last event when the connection is cut, and prints only the job in a pipe', async () => {
    const api = await serveStream([STARTED], answer(503, 'deploying'), [PROGRESS], [SUCCEEDED]);
    const { stdout, ...result } = await callHere(api, ['watch', 'job-1', '--json', '--api-key', API_KEY]);
    expect(result).toEqual({ code: 0, stderr: '' });
    expect(JSON.parse(stdout)).toEqual(DONE);
    expect(streamsOf(api).map(({ headers }) => headers['last-event-id'])).toEqual([undefined, '3', '3', '5']);
    for (const { headers } of api.seen) expect(headers.authorization).toBe(`Bearer ${API_KEY}`);
    expect(api.seen).toHaveLength(2 + 4);
  });

  it('prints every event as a line of JSON with --events', async () => {
    const api = await serveStream([STARTED, PROGRESS], [SUCCEEDED]);
    const { code, stdout } = await callHere(api, ['watch', 'job-1', '--events']);
    expect(code).toBe(0);
    const lines = stdout.trimEnd().split('\n');
    expect(lines.map((line) => JSON.parse(line))).toEqual([STARTED, PROGRESS, SUCCEEDED]);
  });

  it('prints the events of a job that has already ended, and exits as the job ended', async () => {
    const failed = event(9, 'failed', { error: { code: 'operation-failed', message: 'no luck' } });
    const api = await serve(({ path }) =>
      path?.endsWith('/events')
        ? answer(200, `id: 9\ndata: ${JSON.stringify(failed)}\n\n`, { 'content-type': 'text/event-stream' })
        : answer(200, FAILED),
    );
    const { code, stdout } = await callHere(api, ['watch', 'job-1', '--events', '--json']);
    expect({ code, event: JSON.parse(stdout) }).toEqual({ code: 1, event: failed });
  });

  it('ends with 2 for --events when the API has no event streams', async () => {
    const api = await serveWithoutStreams(() => answer(200, RUNNING));
    expect((await callHere(api, ['watch', 'job-1', '--events'])).code).toBe(2);
  });

  it('ends with 4 and the job as its events describe it when the time is over', async () => {
    const api = await serve(({ path }, response) => {
      if (!path?.endsWith('/events')) return answer(200, JOB);
      response.writeHead(200, { 'content-type': 'text/event-stream' });
      response.write(`id: 5\ndata: ${JSON.stringify(PROGRESS)}\n\n`);
      return undefined;
    });
    const { code, stdout } = await callHere(api, ['watch', 'job-1', '--timeout', '4s', '--json']);
    expect(code).toBe(4);
    expect(JSON.parse(stdout)).toMatchObject({ state: 'running', progress: { fraction: 0.5 } });
  });

  it.each([429, 503])(
    'waits when the API answers %i and says how long, and tells a person why',
    async (status) => {
      const busy = answer(
        status,
        { code: 'too-many-streams', detail: 'too many streams' },
        { 'retry-after': '0' },
      );
      const api = await serveStream([STARTED], busy, busy, [SUCCEEDED]);
      const { code, stdout, stderr } = await callHere(api, ['watch', 'job-1', '--events']);
      expect({ code, lines: stdout.trimEnd().split('\n').length }).toEqual({ code: 0, lines: 2 });
      expect(stderr).toBe('warning: waiting, because the API is busy: too many streams\n');
    },
  );

  it('ends when the API refuses the next connection', async () => {
    const api = await serveStream([STARTED], answer(401, { code: 'unauthenticated' }), [SUCCEEDED]);
    expect((await callHere(api, ['watch', 'job-1'])).code).toBe(5);
  });
});
