import { expect, it, onTestFinished } from 'vitest';
import type { NatsCluster } from '../../../dev/nats-server/cluster.ts';
import { EVENTS_STREAM, JOBS_STREAM } from '../../../shared/nats/streams.ts';
import { startTestCluster } from '../../support/nats/nats.ts';
import { until } from '../../support/poll.ts';
import { SUITE } from '../../support/suite-settings.ts';
import { type FaultRun, runFault, type Scene } from '../support/run-fault.ts';

const JOBS = SUITE.CHAOS_CLUSTER_JOBS;
const KILLS = SUITE.CHAOS_CLUSTER_KILLS;
/** nats-server takes no shorter time than 30 s. */
const LAME_DUCK = 'lame_duck_grace_period: "1s"\nlame_duck_duration: "30s"';
/** A load that lasts longer than the faults. */
const steady = { perSecond: 8, sampled: 0.3, before: 0.02 } as const;

it(`S3: ${JOBS} jobs while the leader of a stream is killed ${KILLS} times, in a cluster of three`, async () => {
  const { cluster, system } = await startCluster();
  const { counts } = await runFault({
    title: 'S3',
    jobs: JOBS,
    callers: 16,
    batch: 10,
    perSecond: 75,
    sampled: 0.1,
    before: 0.05,
    job: (dice) => ({ input: { ms: dice.next() < 0.1 ? dice.between(1, 100) : 0 } }),
    system,
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

it('N13: each server of a cluster leaves by lame duck, one after the other, and comes back', async () => {
  const { cluster, system } = await startCluster();
  await runFault({
    title: 'N13, in a cluster',
    jobs: 900,
    ...steady,
    system: { ...system, ...connectedToAll(cluster) },
    inject: async (scene) => {
      await untilWell(cluster);
      for (const { name, server } of cluster.nodes)
        await scene.system.fault(`lame duck of ${name}`, 'nats', async () => {
          await server.kill('SIGUSR2');
          await server.exited;
          await server.restart();
          await untilWell(cluster);
        });
    },
  });
});

it('N17: most servers of a cluster are killed, and come back one after the other', async () => {
  const { cluster, system } = await startCluster();
  const [, ...most] = cluster.nodes;
  await runFault({
    title: 'N17',
    jobs: 300,
    ...steady,
    system: { ...system, ...connectedToAll(cluster) },
    inject: async (scene) => {
      await untilWell(cluster);
      await scene.system.fault('two of three killed', 'nats', async () => {
        for (const { server } of most) await server.kill();
        await scene.hold(10_000);
        for (const { server } of most) {
          await server.restart();
          await scene.hold(2_000);
        }
        await untilWell(cluster);
      });
    },
  });
});

/** Starts a cluster that ends with the test. @returns it, and what a system needs to use it */
async function startCluster() {
  const cluster = await startTestCluster({ extraConfig: LAME_DUCK });
  onTestFinished(() => cluster.stop());
  const [first] = cluster.nodes;
  if (first === undefined) throw new Error('the cluster has no servers');
  const system = { nats: first.server, natsUrls: cluster.urls, worker: { STREAM_REPLICAS: '3' } };
  return { cluster, system };
}

/** Lets edge and workers know all servers of a cluster, as a deployment does. There is no proxy then. */
function connectedToAll({ nodes, urls }: NatsCluster): FaultRun['system'] & object {
  const webSockets = nodes.map(({ server }) => server.webSocketUrl);
  return {
    worker: { STREAM_REPLICAS: '3', NATS_URL: urls.join(',') },
    edge: { NATS_URL: webSockets.join(','), BROKER_TIMEOUT_MS: '2000' },
  };
}

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
