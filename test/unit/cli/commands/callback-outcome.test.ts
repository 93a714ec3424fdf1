import { describe, expect, it } from 'vitest';
import { callHere } from '../../../support/cli/in-process.ts';
import { answer, DONE, JOB, SPAN_ID, serve, TRACE_ID } from '../../../support/cli/servers.ts';

const DELIVERY = {
  id: 'c1',
  jobId: 'job-1',
  url: 'http://127.0.0.1:9001/',
  attempt: 1,
  maxAttempts: 8,
  at: '2026-01-01T00:00:02.000Z',
  worker: 'host-1',
  traceId: TRACE_ID,
  spanId: SPAN_ID,
};
const error = { code: 'target-refused', message: 'CALLBACK_ALLOW does not open it' };
const GIVEN_UP = { ...DELIVERY, kind: 'callback-failed', error };
const RETRYING = {
  ...DELIVERY,
  kind: 'callback-retrying',
  error: { code: 'callback-failed', message: 'the receiver cannot be reached' },
  retryInMs: 5_000,
};
const DELIVERED = { ...DELIVERY, kind: 'callback-delivered', attempt: 2, status: 204 };
const ENDED = {
  id: 'e1',
  kind: 'succeeded',
  jobId: 'job-1',
  operation: 'echo',
  attempt: 1,
  maxAttempts: 3,
  at: '2026-01-01T00:00:01.000Z',
  acceptedAt: '2026-01-01T00:00:00.000Z',
  traceId: TRACE_ID,
  released: 0,
  worker: 'host-1',
  spanId: SPAN_ID,
  result: 1,
};

/** An API whose job has ended, with pages of events. */
async function api(...pages: readonly (readonly object[])[]) {
  return await serve(({ path = '' }) => {
    if (path.startsWith('/readyz')) return answer(200, { status: 'ready', bridges: [] });
    if (path.includes('/events')) {
      const page = Number(new URLSearchParams(path.split('?')[1]).get('after') ?? 0);
      const next = page + 1 < pages.length ? { next: String(page + 1) } : {};
      return answer(200, { events: pages[page], ...next });
    }
    if (path.startsWith('/v1/jobs/')) return answer(200, DONE);
    if (path.startsWith('/v1/jobs')) return answer(200, { jobs: [], complete: true });
    if (path.startsWith('/v1/operations')) return answer(200, { operations: [] });
    if (path.startsWith('/v1/dead-letters')) return answer(200, { deadLetters: [] });
    return answer(404, 'nothing');
  });
}

describe('the callback of a job that has ended', () => {
  it.each(['get', 'watch'])('is shown by %s: given up, tried again, or delivered', async (command) => {
    const lineOf = async (...pages: object[][]) => {
      const { stdout, code } = await callHere(await api(...pages), [command, 'job-1']);
      expect(code).toBe(0);
      return stdout.split('\n').find((line) => line.startsWith('callback'));
    };
    expect(await lineOf([ENDED], [GIVEN_UP])).toBe(
      'callback   given up at delivery 1 of 8: CALLBACK_ALLOW does not open it (target-refused)',
    );
    expect(await lineOf([RETRYING])).toBe(
      'callback   tried again, after delivery 1 of 8: the receiver cannot be reached (callback-failed)',
    );
    expect(await lineOf([RETRYING, DELIVERED])).toBe('callback   delivered at 2026-01-01T00:00:02.000Z');
    expect(await lineOf([GIVEN_UP, ENDED])).toBeUndefined();
    expect(await lineOf([ENDED])).toBeUndefined();
  });

  it('adds nothing to the JSON of the job, and is not asked for', async () => {
    const server = await api([GIVEN_UP]);
    const { stdout } = await callHere(server, ['get', 'job-1', '--json']);
    expect(JSON.parse(stdout)).toEqual(DONE);
    expect(server.seen).toHaveLength(1);
  });

  it('is a fault for the doctor if it was given up, and the advice is about its cause', async () => {
    const { stdout, code } = await callHere(await api([GIVEN_UP]), ['doctor', 'job-1', '--json']);
    expect(code).toBe(1);
    expect(JSON.parse(stdout).causes).toEqual([
      {
        code: 'callback-given-up',
        cause: 'the job has ended, but its callback was given up',
        evidence: [
          'delivery 1 of 8 to http://127.0.0.1:9001/ at 2026-01-01T00:00:02.000Z: CALLBACK_ALLOW does not open it (target-refused)',
        ],
        advice: expect.stringContaining('CALLBACK_ALLOW'),
      },
    ]);
  });

  it('is no fault for the doctor while it is tried again, and after it was delivered', async () => {
    for (const [event, fact] of [
      [RETRYING, 'delivery 1 of 8'],
      [DELIVERED, 'callback delivered'],
    ] as const) {
      const { stdout, code } = await callHere(await api([event]), ['doctor', 'job-1']);
      expect(code).toBe(0);
      expect(stdout).toContain(fact);
    }
  });
});

describe('the doctor says one thing once', () => {
  it('of a job that has run', async () => {
    const { stdout } = await callHere(await api([ENDED]), ['doctor', 'job-1']);
    expect(stdout.split('\n').slice(0, 3)).toEqual([
      'job job-1, echo: succeeded at 2026-01-01T00:00:01.000Z',
      'nothing is wrong',
      expect.stringMatching(/^not asked: /),
    ]);
  });

  it('of a system, with what it looked at', async () => {
    const { stdout } = await callHere(await api([ENDED]), ['doctor']);
    expect(stdout.split('\n')[0]).toBe(
      'nothing is wrong; looked at: edge, bridges and outbox, operations, waiting jobs, dead letters',
    );
  });

  it('and calls the time of a job that never ran waited', async () => {
    const cancelled = { ...JOB, state: 'cancelled', finishedAt: '2026-01-01T00:00:02.300Z' };
    const { stdout } = await callHere(await serve(() => answer(200, cancelled)), ['get', 'job-1']);
    expect(stdout).toContain('waited     2.3 s');
    expect(stdout).not.toContain('took');
  });
});
