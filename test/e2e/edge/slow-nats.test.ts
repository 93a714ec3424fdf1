import { expect, it, onTestFinished } from 'vitest';
import { DistanceProxy } from '../../../dev/machine/distance-proxy.ts';
import { findFreePort } from '../../../dev/machine/free-port.ts';
import { Job } from '../../../shared/job/job.ts';
import { scratchFolder } from '../../support/cleanup.ts';
import { jobEnded } from '../../support/jobs.ts';
import { withTestStack } from '../../support/stack.ts';

const BROKER_TIMEOUT_MS = 3_000;
/** A bridge connects within the timeout, but cannot also read the announcements and publish. */
const ROUND_TRIP_MS = 1_100;

it('a new bridge takes a job in time when every answer of NATS is slow, and the job runs', async () => {
  const natsWebSocket = await findFreePort();
  const proxy = await DistanceProxy.start(natsWebSocket);
  onTestFinished(() => proxy.stop());
  const stack = await withTestStack({
    storageDir: await scratchFolder(),
    ports: { http: 0, nats: 0, natsWebSocket, otlp: 0 },
    edge: { NATS_URL: `ws://127.0.0.1:${proxy.port}`, BROKER_TIMEOUT_MS: String(BROKER_TIMEOUT_MS) },
  });
  await stack.run('echo', 'before');
  await stack.stopEdge();
  proxy.setRoundTrip(ROUND_TRIP_MS);
  await stack.restartEdge();
  const response = await stack.submit({ operation: 'echo', input: 'slow' });
  const answer: unknown = await response.json();
  expect({ status: response.status, answer }).toMatchObject({
    status: 202,
    answer: { durability: 'outbox' },
  });
  proxy.setRoundTrip(0);
  expect(await jobEnded(stack, Job.parse(answer).id)).toMatchObject({ state: 'succeeded', result: 'slow' });
});
