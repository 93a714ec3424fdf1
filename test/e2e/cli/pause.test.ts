import { describe, expect, it } from 'vitest';
import { run, runLocal } from '../../support/cli/process.ts';
import { jobEnded, listedOperation, readJob, submitJob } from '../../support/jobs.ts';
import { until } from '../../support/poll.ts';
import { type TestStack, withTestStack } from '../../support/stack.ts';

const OPTIONS = { operationsFolder: 'test/fixtures/operations', tracing: false };

const natsOf = (stack: TestStack) => ({ NATS_URL: stack.nats.url });

async function change(stack: TestStack, ...args: string[]): Promise<unknown> {
  const { code, stdout, stderr } = await runLocal([...args, '--json'], natsOf(stack));
  expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
  return JSON.parse(stdout);
}

// Each starts several programs, one after the other.
describe('an operation that is paused', () => {
  it('starts no job on any host, even one that comes later, while others run; and starts them after the resume', async () => {
    const stack = await withTestStack(OPTIONS);
    await stack.addWorker({ WORKER_NAME: 'second' });
    const paused = await change(stack, 'pause', 'echo', '--reason', 'the store is full', '--by', 'ada');
    expect(paused).toMatchObject({ operation: 'echo', paused: true, by: 'ada', unchanged: false });
    await stack.logged(
      ({ msg, operation, by }) => msg === 'operation paused' && operation === 'echo' && by === 'ada',
      2,
    );
    await stack.addWorker({ WORKER_NAME: 'third' });
    await stack.logged(({ msg }) => msg === 'operation paused', 3);
    const jobs = await Promise.all([1, 2, 3, 4].map((input) => submitJob(stack, 'echo', input)));
    expect(await stack.run('test.mode', { mode: 'done' })).toMatchObject({ state: 'succeeded' });
    await until('each to be handed back', async () => {
      const read = await Promise.all(
        jobs.map(({ id }) =>
          stack.call(`/v1/jobs/${id}/events`, { headers: { accept: 'application/json' } }),
        ),
      );
      const texts = await Promise.all(read.map((response) => response.text()));
      return texts.every((text) => text.includes('released'));
    });
    for (const { id } of jobs)
      expect(await readJob(stack, id)).toMatchObject({ state: 'queued', attempt: 0 });
    await change(stack, 'resume', 'echo', '--by', 'ada');
    for (const { id } of jobs)
      expect(await jobEnded(stack, id)).toMatchObject({ state: 'succeeded', attempt: 1 });
  });

  it('is shown with who paused it and since when', async () => {
    const stack = await withTestStack(OPTIONS);
    await change(stack, 'pause', 'echo', '--reason', 'the store is full', '--by', 'ada');
    const entry = await until('the edge to know', async () => {
      const found = await listedOperation(stack, 'echo');
      return found?.paused !== undefined && found;
    });
    expect(entry.paused).toMatchObject({ by: 'ada', reason: 'the store is full' });
    const text = await run(stack, ['operations'], { environment: natsOf(stack) });
    expect(text.stdout).toMatch(/^echo .* by ada since \d{4}-.*: the store is full$/m);
    const again = await runLocal(['pause', 'echo', '--by', 'grace'], natsOf(stack));
    expect(again.stdout).toMatch(/^echo was paused already, by ada since /);
    await change(stack, 'resume', 'echo');
    await until('the edge to know', async () => (await listedOperation(stack, 'echo'))?.paused === undefined);
    expect((await runLocal(['resume', 'echo'], natsOf(stack))).stdout).toBe('echo was not paused\n');
  });

  it('stays paused through a restart of NATS, and each host still follows', async () => {
    const stack = await withTestStack(OPTIONS);
    await change(stack, 'pause', 'echo');
    await stack.logged(({ msg }) => msg === 'operation paused');
    await stack.nats.restart();
    const job = await submitJob(stack, 'echo', 1);
    await until('the hand-back', async () => {
      const answer = await stack.call(`/v1/jobs/${job.id}/events`, {
        headers: { accept: 'application/json' },
      });
      return (await answer.text()).includes('released');
    });
    await change(stack, 'resume', 'echo');
    expect(await jobEnded(stack, job.id)).toMatchObject({ state: 'succeeded', attempt: 1 });
  });

  it('lets its waiting jobs be cancelled at once', async () => {
    const stack = await withTestStack(OPTIONS);
    await change(stack, 'pause', 'echo');
    await stack.logged(({ msg }) => msg === 'operation paused');
    const { id } = await submitJob(stack, 'echo', 1);
    await until('the hand-back', async () => {
      const answer = await stack.call(`/v1/jobs/${id}/events`, { headers: { accept: 'application/json' } });
      return (await answer.text()).includes('released');
    });
    expect((await stack.call(`/v1/jobs/${id}`, { method: 'DELETE' })).status).toBe(200);
    expect(await readJob(stack, id)).toMatchObject({ state: 'cancelled' });
  });

  it('must have been announced: a misspelt name is refused', async () => {
    const stack = await withTestStack(OPTIONS);
    for (const name of ['pause', 'resume']) {
      const { code, stderr } = await runLocal([name, 'ehco'], natsOf(stack));
      expect(code).toBe(2);
      expect(stderr).toContain('no worker has announced ehco; there are ');
    }
  });
});

it('`workers` lists each host with its group, version and clock', async () => {
  const stack = await withTestStack(OPTIONS);
  await stack.addWorker({ WORKER_NAME: 'second', WORKER_VERSION: '9.9.9' });
  const { code, stdout } = await runLocal(['workers', '--json'], natsOf(stack));
  const { workers } = JSON.parse(stdout) as { workers: { host: string; clockAheadMs: number }[] };
  expect({ code, hosts: workers.length }).toEqual({ code: 0, hosts: 2 });
  expect(workers.find(({ host }) => host === 'second')).toMatchObject({ version: '9.9.9', group: 'workers' });
  for (const { clockAheadMs } of workers) expect(Math.abs(clockAheadMs)).toBeLessThan(5_000);
  const text = await runLocal(['workers'], natsOf(stack));
  expect(text.stdout).toMatch(/^second {2}.*workers {2}9\.9\.9 .*right {2}.*echo/m);
});
