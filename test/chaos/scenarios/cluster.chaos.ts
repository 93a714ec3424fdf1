import { expect, it, onTestFinished } from 'vitest';
import { startNatsCluster } from '../../../dev/nats-server/cluster.ts';
import { EVENTS_STREAM, JOBS_STREAM } from '../../../shared/streams.ts';
import { testNatsBinary } from '../../support/nats.ts';
import { runFault } from '../support/run-fault.ts';
import { size } from '../support/size.ts';

const JOBS = size('CHAOS_CLUSTER_JOBS', 4_000);
/** Leaders are killed in the course of the load, one stream after the other. */
const KILLED = [JOBS_STREAM, EVENTS_STREAM, JOBS_STREAM];

it(`S3: ${JOBS} jobs while the leaders of their streams are killed in a cluster of three`, async () => {
  const cluster = await startNatsCluster({ binary: testNatsBinary().path });
  onTestFinished(() => cluster.stop());
  const [first] = cluster.nodes;
  if (first === undefined) throw new Error('the cluster has no server');
  const { counts } = await runFault({
    title: 'S3',
    jobs: JOBS,
    callers: 32,
    batch: 10,
    before: 0.05,
    job: (dice) => ({ input: { ms: dice.next() < 0.1 ? dice.between(1, 50) : 0 } }),
    system: { nats: first.server, workers: 2, worker: { WORKER_CONCURRENCY: '50' } },
    inject: async ({ system, load, hold }) => {
      for (const [place, stream] of KILLED.entries()) {
        await load.reaches(Math.floor(JOBS * (0.1 + 0.25 * place)));
        await system.fault(`leader of ${stream} killed`, 'nats', async () => {
          const leader = await cluster.killLeader(stream, 'SIGKILL');
          await hold(2_000);
          await leader.server.restart();
          for (const name of [JOBS_STREAM, EVENTS_STREAM]) await cluster.untilCurrent(name);
        });
      }
    },
    afterwards: async ({ system }) => {
      const manager = await system.manager();
      for (const name of [JOBS_STREAM, EVENTS_STREAM]) {
        expect((await manager.streams.info(name)).config.num_replicas).toBe(3);
      }
    },
  });
  expect(counts.accepted).toBe(JOBS);
  expect(counts.ends.succeeded).toBe(JOBS);
});
