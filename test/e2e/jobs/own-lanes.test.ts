import { jetstreamManager } from '@nats-io/jetstream';
import { connect } from '@nats-io/transport-node';
import { expect, it, onTestFinished } from 'vitest';
import { startWorkerProcess } from '../../../dev/worker/start.ts';
import { Job } from '../../../shared/job/job.ts';
import { WorkerGroups } from '../../../worker-node/broker/groups/worker-groups.ts';
import { connectTo } from '../../support/jobs.ts';
import { startTestNats } from '../../support/nats/nats.ts';
import { until } from '../../support/poll.ts';
import { withTestStack } from '../../support/stack.ts';
import { type Caller, tenants } from '../../support/tenants.ts';

const JOB = { operation: 'echo', input: 1 };
/** A name like the end of a consumer's name. */
const ALPHA = 'alpha-normal-p0';

it('Q10: jobs of a tenant wait in its own lane while a host serves it, and in a pooled lane otherwise', async () => {
  const { callers, API_KEYS } = await tenants('alpha', 'beta');
  const stack = await withTestStack({
    edge: { API_KEYS },
    worker: { WORKER_ANNOUNCE_MS: '200', WORKER_STOP_TIMEOUT_MS: '500' },
    tracing: false,
  });
  const nats = await connectTo(stack);
  const lanes = new Map<string, string>();
  const note = (subject: string): void => {
    const [, , lane = '', , jobId = ''] = subject.split('.');
    lanes.set(jobId, lane);
  };
  nats.subscribe('jobs.>', { callback: (_, { subject }) => note(subject) });
  await nats.flush();
  const run = async (caller: Caller): Promise<string> => {
    const response = await caller.submit(stack.url, JOB, { prefer: 'wait=30' });
    const job = Job.parse(await response.json());
    expect(job.state).toBe('succeeded');
    return await until('the message of the job', () => lanes.get(job.id));
  };
  const pooled = /^p\d+$/;
  expect(await run(callers.alpha)).toMatch(pooled);
  const host = await stack.addWorker({ WORKER_NAME: 'host-2', WORKER_OWN_LANES: 'alpha' });
  await until('the own lane to be used', async () => (await run(callers.alpha)) === 'own');
  expect(await run(callers.beta)).toMatch(pooled);

  const { config } = await (await jetstreamManager(nats)).consumers.info('JOBS', 'workers-normal-own-alpha');
  expect(config.filter_subject).toBe('jobs.normal.own.alpha.*.>');
  await host.stop();
  expect(await run(callers.alpha)).toMatch(pooled);
});

it('jobs that are left in an own lane run when a host serves it again', async () => {
  const { callers, API_KEYS } = await tenants('alpha');
  const stack = await withTestStack({ edge: { API_KEYS }, tracing: false });
  const own = { WORKER_NAME: 'host-2', WORKER_OWN_LANES: 'alpha' };
  await (await stack.addWorker(own)).stop();
  const nats = await connectTo(stack);
  nats.publish('jobs.low.own.alpha.left.echo', '1');
  await nats.flush();
  const state = async () => {
    const response = await callers.alpha.call(stack.url, '/v1/jobs/left');
    return response.status === 200 ? Job.parse(await response.json()).state : undefined;
  };
  expect(await until('the job', state)).toBe('queued');
  await stack.addWorker(own);
  await until('its end', async () => (await state()) === 'succeeded');
});

it('own lanes belong to their group, and move with it', async () => {
  const nats = await startTestNats();
  const connection = await connect({ servers: nats.url });
  onTestFinished(async () => {
    await connection.close();
    await nats.stop();
  });
  const environment = { NATS_URL: nats.url, HEALTH_PORT: '0', WORKER_OWN_LANES: ALPHA };
  const host = await startWorkerProcess({ environment, onLog: () => undefined });
  await host.stop();
  const manager = await jetstreamManager(connection);
  const groups = new WorkerGroups({ connection, manager });
  expect(await groups.list()).toMatchObject([{ name: 'workers', operations: ['>'], hosts: [] }]);
  await groups.move({ from: 'workers', to: 'others', operations: ['image.>'], force: false });
  expect(await groups.list()).toMatchObject([{ name: 'others', operations: ['image.>'] }]);
  const { config } = await manager.consumers.info('JOBS', `others-low-own-${ALPHA}`);
  expect(config.filter_subject).toBe(`jobs.low.own.${ALPHA}.*.image.>`);
});
