import { describe, expect, it, onTestFinished } from 'vitest';
import { doctor, expectFirst, OPTIONS, queued } from '../../support/cli/doctor.ts';
import { run, runLocal } from '../../support/cli/process.ts';
import { submitJob, untilHosts } from '../../support/jobs.ts';
import { until } from '../../support/poll.ts';
import { withTestStack } from '../../support/stack.ts';

// Each starts a whole system.
describe('the doctor names the cause of a set-up that is broken', () => {
  it('no worker', async () => {
    const stack = await withTestStack(OPTIONS);
    await stack.worker.stop();
    await untilHosts(stack, 0);
    const id = await queued(stack);
    expect(expectFirst(await doctor(stack, [id]), 'no-worker').evidence.join()).toContain(
      'no worker host is alive',
    );
    expectFirst(await doctor(stack, [id], { NATS_URL: stack.nats.url }), 'no-worker');
    expectFirst(await doctor(stack, []), 'no-worker');
    const text = await run(stack, ['doctor', id]);
    expect(text.code).toBe(1);
    expect(text.stdout).toMatch(
      /^job \S+, echo: queued\njobs wait.*\(no-worker\)\n {2}no worker host is alive\n {2}do: start a worker/m,
    );
  });

  it('a group filter that does not take the operation', async () => {
    const stack = await withTestStack({ ...OPTIONS, worker: { WORKER_OPERATIONS: 'test.>' } });
    const other = await stack.addWorker({
      WORKER_GROUP: 'echoes',
      WORKER_OPERATIONS: 'echo',
      WORKER_NAME: 'other',
    });
    await other.stop();
    await untilHosts(stack, 0);
    const nats = { NATS_URL: stack.nats.url };
    expect((await runLocal(['groups', 'remove', 'echoes'], nats)).code).toBe(0);
    const id = await queued(stack);
    expect(expectFirst(await doctor(stack, [id], nats), 'no-group').evidence).toContain(
      'the group workers takes test.>',
    );
    expect(expectFirst(await doctor(stack, [id]), 'no-group').evidence.join()).toContain(
      '1 worker host alive, and none of them can run echo',
    );
  });

  it('paused', async () => {
    const stack = await withTestStack(OPTIONS);
    const nats = { NATS_URL: stack.nats.url };
    const pause = await runLocal(['pause', 'echo', '--by', 'ada', '--reason', 'the store is full'], nats);
    expect(pause.code).toBe(0);
    await stack.logged(({ msg }) => msg === 'operation paused');
    const id = await queued(stack);
    await until('the edge to know', async () =>
      (await (await stack.call('/v1/operations')).text()).includes('"paused"'),
    );
    for (const environment of [{}, nats]) {
      const cause = expectFirst(await doctor(stack, [id], environment), 'paused');
      expect(cause.evidence.join()).toMatch(/^by ada since .*: the store is full$/);
      expect(cause.advice).toContain('throughline resume echo');
    }
  });

  it('a host that hangs', async () => {
    const stack = await withTestStack({ ...OPTIONS, worker: { WORKER_ACK_WAIT_MS: '600000' } });
    const nats = { NATS_URL: stack.nats.url };
    process.kill(stack.worker.pid, 'SIGSTOP');
    onTestFinished(() => void process.kill(stack.worker.pid, 'SIGCONT'));
    const id = await queued(stack);
    const found = await until('the doctor to say more than that the job waits', async () => {
      const seen = await doctor(stack, [id], nats);
      return seen.causes[0]?.code !== 'busy' && seen;
    });
    expect(expectFirst(found, 'host-silent').evidence.join()).toContain('1 are under way');
  });

  it('a full stream', async () => {
    const stack = await withTestStack({ ...OPTIONS, worker: { STREAM_JOBS_BYTES: '1000000' } });
    const nats = { NATS_URL: stack.nats.url };
    const setup = await runLocal(['setup'], { ...nats, STREAM_JOBS_BYTES: '1000000' });
    expect(setup.code).toBe(0);
    await runLocal(['pause', 'echo'], nats);
    await stack.logged(({ msg }) => msg === 'operation paused');
    for (let n = 0; n < 5; n++) await stack.submit({ operation: 'echo', input: 'x'.repeat(200_000) });
    const seen = await until('the edge to see it', async () => {
      const diagnosis = await doctor(stack, []);
      return diagnosis.causes.length > 0 && diagnosis;
    });
    expect(expectFirst(seen, 'stream-full').cause).toContain('JOBS is nearly full');
    expect(expectFirst(await doctor(stack, [], nats), 'stream-full').evidence.join()).toMatch(
      /of 1000000 bytes/,
    );
  });
});

describe('the doctor says so where nothing is wrong', () => {
  it('of the system, of a job that has run, and of one that is delayed', async () => {
    const stack = await withTestStack({ ...OPTIONS, tracing: true });
    const traces = { THROUGHLINE_TRACES_URL: stack.collector.tracesUrl, NATS_URL: stack.nats.url };
    expect(await doctor(stack, [], traces)).toMatchObject({ code: 0, ok: true, causes: [] });
    const done = await stack.run('echo', 1);
    const ended = await until('the whole trace', async () => {
      const seen = await doctor(stack, [done.id], traces);
      return seen.ok && seen;
    });
    expect(ended).toMatchObject({ code: 0, causes: [{ code: 'succeeded' }] });
    const later = await submitJob(stack, 'echo', 1, { delay: '1h' });
    expect(await doctor(stack, [later.id])).toMatchObject({ code: 0, causes: [{ code: 'delayed' }] });
    expect((await run(stack, ['doctor', 'no-such-job'])).code).toBe(2);
  });
});
