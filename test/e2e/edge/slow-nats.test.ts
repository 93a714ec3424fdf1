import { expect, it, onTestFinished } from 'vitest';
import { DistanceProxy } from '../../../dev/machine/distance-proxy.ts';
import { findFreePort } from '../../../dev/machine/free-port.ts';
import type { BatchResult } from '../../../shared/api/answers/batch-report.ts';
import { Job } from '../../../shared/job/job.ts';
import { scratchFolder } from '../../support/cleanup.ts';
import { connectTo, jobEnded } from '../../support/jobs.ts';
import { eventsByJob } from '../../support/nats/stored.ts';
import { until } from '../../support/poll.ts';
import { type TestStack, withTestStack } from '../../support/stack.ts';

const BROKER_TIMEOUT_MS = 3_000;
/** A bridge connects within the timeout, but cannot also read the announcements and publish. */
const SLOW_MS = 1_100;
/** One message is answered in good time. Twenty, one after the other, are not. */
const FAR_MS = 300;

/** A stack whose edge knows the operations, and a proxy before its NATS. */
async function farFromNats(): Promise<{ stack: TestStack; proxy: DistanceProxy }> {
  const natsWebSocket = await findFreePort();
  const proxy = await DistanceProxy.start(natsWebSocket);
  onTestFinished(() => proxy.stop());
  const stack = await withTestStack({
    storageDir: await scratchFolder(),
    ports: { http: 0, nats: 0, natsWebSocket, otlp: 0 },
    edge: { NATS_URL: `ws://127.0.0.1:${proxy.port}`, BROKER_TIMEOUT_MS: String(BROKER_TIMEOUT_MS) },
  });
  await stack.run('echo', 'before');
  return { stack, proxy };
}

it('N16: a bridge that starts takes jobs in time while every answer is slow, keeps its connection, and sends them', async () => {
  const { stack, proxy } = await farFromNats();
  await stack.stopEdge();
  proxy.setRoundTrip(SLOW_MS);
  await stack.restartEdge();
  const nats = await connectTo(stack);
  const hasSucceeded = async (id: string): Promise<boolean> =>
    (await eventsByJob(nats)).get(id)?.at(-1)?.kind === 'succeeded';
  for (let n = 0; n < 3; n++) {
    const response = await stack.submit({ operation: 'echo', input: n });
    const answer: unknown = await response.json();
    expect({ status: response.status, answer }).toMatchObject({ status: 202 });
    const { id } = Job.parse(answer);
    await until('the job to be sent and run', () => hasSucceeded(id));
  }
  expect(stack.logs().filter(({ msg }) => msg === 'the connection to NATS is gone')).toEqual([]);
});

it('N16: a batch of one ordering key is taken in time, and runs in order', async () => {
  const { stack, proxy } = await farFromNats();
  proxy.setRoundTrip(FAR_MS);
  const jobs = Array.from({ length: 20 }, (_, n) => ({ operation: 'echo', input: n, orderingKey: 'one' }));
  const response = await stack.call('/v1/jobs/batch', {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ jobs }),
  });
  const answer = (await response.json()) as { results?: readonly BatchResult[] };
  expect({ status: response.status, answer }).toMatchObject({ status: 207 });
  proxy.setRoundTrip(0);
  const ids = (answer.results ?? []).map((result) => ('job' in result ? result.job.id : 'refused'));
  const ended = await Promise.all(ids.map((id) => jobEnded(stack, id)));
  const starts = ended.map(({ startedAt = '' }) => startedAt);
  expect(starts).toEqual([...starts].sort());
});
