import { readdir, readFile } from 'node:fs/promises';
import { describe, expect, it } from 'vitest';
import { traceFaults } from '../../../dev/trace-check.ts';
import { Job } from '../../../shared/job/job.ts';
import { shortName } from '../../../shared/trace/short-name.ts';
import type { SpanRecord } from '../../../shared/trace/span-record.ts';
import { bodyOf } from '../../support/http/answers.ts';
import { until } from '../../support/poll.ts';
import { problemOf, withTestStack } from '../../support/stack.ts';

/** A few times what the time limits of the edge add up to. */
const REFUSAL_LIMIT_MS = 20_000;

describe('while NATS is away', () => {
  it('every job is accepted within seconds, and reads are refused until it is back, without a restart', async () => {
    const stack = await withTestStack();
    expect((await stack.run('echo', 'before')).state).toBe('succeeded');

    const load = startLoad(() => stack.submit({ operation: 'echo', input: 'load' }));
    await stack.nats.kill('SIGKILL');
    await until('the outbox to be in use', () => load.answers.find(({ job }) => job.durability === 'outbox'));
    const refused = await stack.call('/v1/jobs/unknown');
    expect([refused.status, await problemOf(refused)]).toMatchObject([
      503,
      { code: 'broker-unavailable', status: 503, traceId: expect.stringMatching(/^[0-9a-f]{32}$/) },
    ]);
    expect(refused.headers.get('retry-after')).toMatch(/^[0-9]+$/);
    expect((await stack.call('/readyz')).status).toBe(503);
    expect((await stack.call('/healthz')).status).toBe(200);

    await stack.nats.restart();
    const back = await stack.run('echo', 'after');
    expect(back).toMatchObject({ state: 'succeeded', result: 'after' });
    await load.stop();
    expect(load.answers.filter(({ ms }) => ms > REFUSAL_LIMIT_MS)).toEqual([]);
    expect(new Set(load.answers.map(({ status }) => status))).toEqual(new Set([202]));
    await until('the outbox to be left', async () => {
      const response = await stack.submit({ operation: 'echo', input: 'direct' });
      return (await bodyOf(Job, response)).durability === 'stream';
    });
  });

  it('a request to a paused NATS (no reset, no answer) takes no longer than its time limit', async () => {
    const stack = await withTestStack({ edge: { BROKER_TIMEOUT_MS: '1500' } });
    await stack.run('echo', 'before');
    await stack.nats.kill('SIGSTOP');
    // The signal returns before every thread of the server has stopped.
    await until('every thread of NATS to stand still', () => isStopped(stack.nats.pid));
    const start = performance.now();
    const response = await stack.submit({ operation: 'echo', input: 1 });
    expect([response.status, await response.json()]).toMatchObject([202, { durability: 'outbox' }]);
    expect(performance.now() - start).toBeLessThan(REFUSAL_LIMIT_MS);
    await stack.nats.kill('SIGCONT');
    const answer = await until('the edge to recover', async () => {
      const again = await stack.submit({ operation: 'echo', input: 2 }, { prefer: 'wait=30' });
      return again.status === 200 && again;
    });
    expect(answer.status).toBe(200);
  });

  it('a caller that waits for a result gets it over the next connection', async () => {
    const stack = await withTestStack({
      operationsFolder: 'test/fixtures/operations',
      edge: { LOG_LEVEL: 'debug' },
      // An ack that was lost with the server is repeated after the ack wait.
      worker: { WORKER_ACK_WAIT_MS: '1500' },
    });
    const waiting = stack.run('test.mode', { mode: 'fail-until', until: 2 });
    await until('the job to have started', () => stack.logs().find(({ msg }) => msg === 'job published'));
    await stack.nats.kill('SIGKILL');
    await stack.nats.restart();
    const job = await waiting;
    expect(job.state).toBe('succeeded');
    const missing = (spans: SpanRecord[]) =>
      traceFaults(spans).filter((fault) => fault.endsWith('is missing'));
    const spans = await stack.collector.waitForSpans(
      job.traceId,
      (all) => all.some((span) => shortName(span) === 'receive events') && missing(all).length === 0,
      60_000,
    );
    expect(new Set(spans.map(({ traceId }) => traceId)).size).toBe(1);
  });
});

async function isStopped(pid: number): Promise<boolean> {
  const threads = await readdir(`/proc/${pid}/task`);
  const states = await Promise.all(
    threads.map(async (thread) => {
      const stat = await readFile(`/proc/${pid}/task/${thread}/stat`, 'utf8');
      // The state follows the name, which is in brackets and may contain anything.
      return stat.slice(stat.lastIndexOf(')') + 2)[0];
    }),
  );
  return states.every((state) => state === 'T');
}

interface Answer {
  readonly status: number;
  readonly ms: number;
  readonly job: Job;
}

/** Keeps four requests under way until it is stopped. */
function startLoad(send: () => Promise<Response>) {
  const answers: Answer[] = [];
  let stopped = false;
  const sendOn = async (): Promise<void> => {
    while (!stopped) {
      const start = performance.now();
      const response = await send();
      const job = await bodyOf(Job, response);
      answers.push({ status: response.status, ms: performance.now() - start, job });
    }
  };
  const running = Promise.all([sendOn(), sendOn(), sendOn(), sendOn()]);
  return {
    answers,
    stop: async () => {
      stopped = true;
      await running;
    },
  };
}
