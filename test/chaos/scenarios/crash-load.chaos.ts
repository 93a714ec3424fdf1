import { expect, it } from 'vitest';
import { SUITE } from '../../support/suite-settings.ts';
import { killWorker, runFault, type Scene } from '../support/run-fault.ts';

const JOBS = SUITE.CHAOS_JOBS;
const NATS_KILLS = SUITE.CHAOS_NATS_KILLS;
const WORKER_KILLS = SUITE.CHAOS_WORKER_KILLS;

it(`S1 (N1, W1): ${JOBS} jobs while NATS is killed ${NATS_KILLS} times and workers ${WORKER_KILLS} times`, async () => {
  const { counts } = await runFault({
    title: 'S1',
    jobs: JOBS,
    callers: 64,
    batch: 20,
    sampled: 0.05,
    before: 0.02,
    job: (dice) => ({ input: { ms: dice.next() < 0.1 ? dice.between(1, 50) : 0 } }),
    system: { workers: 3, worker: { WORKER_CONCURRENCY: '50' } },
    inject: async (scene) => {
      const kills = [
        ...Array.from({ length: NATS_KILLS }, () => killNats),
        ...Array.from({ length: WORKER_KILLS }, () => killWorker),
      ];
      // In random order, spread over the time in which jobs are accepted.
      const order = kills.map((kill) => ({ kill, at: scene.dice.between(2, 95) / 100 }));
      for (const { kill, at } of order.sort((left, right) => left.at - right.at)) {
        await scene.load.reaches(Math.floor(JOBS * at));
        await kill(scene);
      }
      await scene.system.pool.full();
    },
  });
  expect(counts.accepted).toBe(JOBS);
  expect(counts.ends.succeeded).toBe(JOBS);
  expect(counts.again.unexplained).toBe(0);
});

async function killNats({ system, dice, hold }: Scene): Promise<void> {
  await system.fault('kill and restart', 'nats', async () => {
    await system.nats.kill('SIGKILL');
    await hold(dice.between(100, 1_500));
    await system.nats.restart();
  });
}
