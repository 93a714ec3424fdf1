import { expect, it, onTestFinished } from 'vitest';
import type { NatsCluster } from '../../../dev/nats-server/cluster.ts';
import { EVENTS_STREAM, JOBS_STREAM } from '../../../shared/nats/streams.ts';
import { startTestCluster } from '../../support/nats/nats.ts';
import { until } from '../../support/poll.ts';
import { SUITE } from '../../support/suite-settings.ts';
import { runFault, type Scene } from '../support/run-fault.ts';

const JOBS = SUITE.CHAOS_CLUSTER_JOBS;
const KILLS = SUITE.CHAOS_CLUSTER_KILLS;

it(`S3: ${JOBS} jobs while the leader of a stream is killed ${KILLS} times, in a cluster of three`, async () => {
  const cluster = await startTestCluster();
  onTestFinished(() => cluster.stop());
  const [first] = cluster.nodes;
  if (first === undefined) throw new Error('the cluster has no servers');
  const { counts } = await runFault({
    title: 'S3',
    jobs: JOBS,
    callers: 16,
    batch: 10,
    perSecond: 75,
    sampled: 0.1,
    before: 0.05,
    job: (dice) => ({ input: { ms: dice.next() < 0.1 ? dice.between(1, 100) : 0 } }),
    system: { nats: first.server, natsUrls: cluster.urls, worker: { STREAM_REPLICAS: '3' } },
    inject: async (scene) => {
      // The first leader that dies must leave two whole copies behind.
      await untilWell(cluster);
      for (let round = 0; round < KILLS; round++) {
        await scene.load.reaches(Math.floor((JOBS * (round + 1)) / (KILLS + 1)));
        await killLeader(scene, cluster, round % 2 === 0 ? JOBS_STREAM : EVENTS_STREAM);
      }
    },
  });
  expect(counts.ends.succeeded).toBe(JOBS);
});

/** Kills the leader of a stream, connects the bridge to another server, and starts the killed one again. */
async function killLeader(
  { system, dice, hold }: Scene,
  cluster: NatsCluster,
  stream: string,
): Promise<void> {
  await system.fault(`kill the leader of ${stream}`, 'nats', async () => {
    const killed = await cluster.killLeader(stream);
    const left = cluster.nodes.filter((node) => node !== killed);
    system.proxy.retarget(Number(new URL(dice.pick(left).server.webSocketUrl).port));
    await until('another leader', async () => (await cluster.leaderOf(stream)) !== killed, 60_000);
    await hold(dice.between(0, 2_000));
    await killed.server.restart();
    await untilWell(cluster);
  });
}

/** Waits until all servers are there, and every copy of the streams is up to date. */
async function untilWell(cluster: NatsCluster): Promise<void> {
  await cluster.untilReady();
  for (const name of [JOBS_STREAM, EVENTS_STREAM]) await cluster.untilCurrent(name);
}
