import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { Job } from '../../../shared/job/job.ts';
import { doctor, expectFirst, OPTIONS, queued } from '../../support/cli/doctor.ts';
import { nowhere } from '../../support/cli/servers.ts';
import { entriesOf, KEYS } from '../../support/http/access.ts';
import { readJob, submitJob } from '../../support/jobs.ts';
import { until } from '../../support/poll.ts';
import { withTestStack } from '../../support/stack.ts';

const SKEWED_CLOCK = fileURLToPath(new URL('../../fixtures/skewed-clock.mjs', import.meta.url));

// Each starts a whole system.
describe('the doctor names the part that does not work', () => {
  it('a wrong clock of a worker host', async () => {
    const worker = { NODE_OPTIONS: `--import ${SKEWED_CLOCK}`, SKEW_MS: '600000', WORKER_NAME: 'late' };
    const stack = await withTestStack({ ...OPTIONS, worker });
    const cause = expectFirst(await doctor(stack, [], { NATS_URL: stack.nats.url }), 'clock-wrong');
    expect(cause.cause).toBe('the clock of the worker host late is 600 s ahead');
  });

  it('a dead collector', async () => {
    const dead = await nowhere();
    const endpoint = { OTEL_EXPORTER_OTLP_ENDPOINT: dead };
    const stack = await withTestStack({ ...OPTIONS, tracing: true, edge: endpoint, worker: endpoint });
    const { id } = await stack.run('echo', 1);
    const traces = { THROUGHLINE_TRACES_URL: stack.collector.tracesUrl };
    const diagnosis = await until('the edge to notice', async () => {
      const seen = await doctor(stack, [id], traces);
      return seen.causes.some(({ code }) => code === 'collector-dead') && seen;
    });
    expect(diagnosis.causes.map(({ code }) => code)).toEqual([
      'succeeded',
      'collector-dead',
      'spans-missing',
    ]);
    expect(diagnosis.code).toBe(1);
    const own = await doctor(stack, [], endpoint);
    expect(own.causes.map(({ evidence }) => evidence.join()).join()).toContain(`${dead}/v1/traces`);
  });

  it('no part, when only the span of the caller is elsewhere', async () => {
    const stack = await withTestStack({ ...OPTIONS, tracing: true });
    const traceparent = '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01';
    const response = await stack.submit({ operation: 'echo', input: 1 }, { traceparent });
    const { id } = Job.parse(await response.json());
    const traces = { THROUGHLINE_TRACES_URL: stack.collector.tracesUrl };
    const diagnosis = await until('the spans', async () => {
      const seen = await doctor(stack, [id], traces);
      return seen.causes.every(({ code }) => code !== 'spans-missing' && code !== 'runs') && seen;
    });
    expect(diagnosis.causes.map(({ code }) => code)).toEqual(['succeeded', 'caller-span-missing']);
    expect(diagnosis.code).toBe(0);
  });

  it('an edge without NATS', async () => {
    const stack = await withTestStack(OPTIONS);
    await stack.run('echo', 1);
    await stack.nats.stop();
    const id = await queued(stack);
    const cause = expectFirst(await doctor(stack, [id]), 'edge-without-nats');
    expect(cause.evidence.join()).toContain('in the outbox since');
    expectFirst(await doctor(stack, []), 'edge-without-nats');
  });

  it('a key without the scope, and one that is not valid', async () => {
    const stack = await withTestStack({ ...OPTIONS, edge: { API_KEYS: await entriesOf() } });
    const cause = expectFirst(
      await doctor({ url: stack.url, apiKey: KEYS.writer }, ['any-job']),
      'scope-missing',
    );
    expect(cause.evidence.join()).toContain('does not have the scope jobs:read');
    expectFirst(await doctor({ url: stack.url, apiKey: KEYS.writer }, []), 'scope-missing');
    const wrong = { url: stack.url, apiKey: 'tl_ci_0123456789012345678901' };
    expectFirst(await doctor(wrong, ['any-job']), 'key-invalid');
  });

  it('a poison job', async () => {
    const stack = await withTestStack({ ...OPTIONS, worker: { WORKER_ACK_WAIT_MS: '1000' } });
    const { id } = await submitJob(stack, 'test.mode', { mode: 'exit' }, { maxAttempts: 2 });
    await stack.worker.exited;
    const second = await stack.addWorker({ WORKER_NAME: 'second' });
    await second.exited;
    const open = expectFirst(await doctor(stack, [id]), 'poison-job');
    expect(open.evidence.join()).toMatch(/attempt 1 on \S+ began at \S+ and never ended/);
    await stack.addWorker({ WORKER_NAME: 'third' });
    await until('the end', async () => (await readJob(stack, id)).state === 'failed');
    const cause = expectFirst(await doctor(stack, [id]), 'poison-job');
    expect(cause.evidence.join()).toContain('(attempts-spent)');
  });
});
