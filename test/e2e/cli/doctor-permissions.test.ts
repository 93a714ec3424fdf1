import { expect, it } from 'vitest';
import { doctor, OPTIONS, queued } from '../../support/cli/doctor.ts';
import { runLocal } from '../../support/cli/process.ts';
import { LimitedUsers, loginOf, permissionOf } from '../../support/nats/limited-users.ts';
import { until } from '../../support/poll.ts';
import { withTestStack } from '../../support/stack.ts';

it('the doctor names a permission that the user of the workers, or of the edge, lacks', async () => {
  const users = await LimitedUsers.start();
  const setup = users.environmentOf('setup');
  const stack = await withTestStack({
    ...OPTIONS,
    nats: users.nats,
    edge: loginOf('edge'),
    worker: { ...loginOf('worker'), WORKER_ANNOUNCE_MS: '500', WORKER_ACK_WAIT_MS: '1000' },
  });
  await users.take('worker', permissionOf('worker', '$JS.API.CONSUMER.MSG.NEXT.JOBS.*'));
  await until(
    'the worker to be refused',
    async () => (await fetch(`${stack.worker.healthUrl}/readyz`)).status === 503,
  );
  await until('the requests of the worker for jobs to end', async () => {
    const { stdout } = await runLocal(['groups', 'list', '--json'], setup);
    return stdout.includes('"pulls":0');
  });
  const id = await queued(stack);
  const cause = await until('the doctor to see it', async () => {
    const { causes } = await doctor(stack, [id], setup);
    return causes.find(({ code }) => code === 'nobody-pulls');
  });
  expect(cause.advice).toContain('throughline setup --check --as worker');
  await users.take('edge', permissionOf('edge', 'jobs.*.*.*.*.>'));
  await until('the edge to be refused', async () => (await fetch(`${stack.url}/readyz`)).status === 503);
  const edge = (await doctor(stack, [])).causes.find(({ code }) => code === 'edge-refused-by-nats');
  expect(edge?.evidence.join()).toContain('publish on jobs.*.*.*.*.>');
  expect(edge?.advice).toContain('deploy/nats/permissions.conf');
});
