import { expect, it } from 'vitest';
import { until } from '../../support/poll.ts';
import { SUITE } from '../../support/suite-settings.ts';
import { type FaultRun, killWorker, runFault, type Scene } from '../support/run-fault.ts';
import { queueState } from '../support/system.ts';

const KEYS = SUITE.CHAOS_ORDER_KEYS;
const JOBS = KEYS * SUITE.CHAOS_ORDER_JOBS;
const KILLS = SUITE.CHAOS_ORDER_KILLS;
/** What an ordered job may take when the machine is busy, all lanes together. */
const DRAIN_MS_PER_JOB = 20;
const PATIENCE_MS = 120_000;

/** Each caller submits the jobs of one key, one request after the other. One job of twenty fails at first. */
const ordered: Omit<FaultRun, 'title' | 'inject'> = {
  jobs: JOBS,
  callers: KEYS,
  shares: true,
  batch: 10,
  before: 0.05,
  drainBoundMs: PATIENCE_MS + JOBS * DRAIN_MS_PER_JOB,
  job: (dice, caller) => ({
    orderingKey: `key ${caller}`,
    input: dice.next() < 0.05 ? { mode: 'throw-first' } : { ms: dice.next() < 0.1 ? dice.between(1, 20) : 0 },
  }),
};

it(
  `S4 (Q6): ${KEYS} ordering keys with ${SUITE.CHAOS_ORDER_JOBS} jobs each, while workers are killed ${KILLS} times`,
  async () => {
    const { counts } = await runFault({
      ...ordered,
      title: 'S4',
      system: { workers: 3 },
      inject: async (scene) => {
        const moments = Array.from({ length: KILLS }, () => scene.dice.between(5, 95) / 100);
        for (const share of moments.sort((left, right) => left - right)) {
          await untilEnded(scene, Math.floor(JOBS * share));
          await killWorker(scene);
        }
      },
    });
    expect(counts.accepted).toBe(JOBS);
    expect(counts.ends.succeeded).toBe(JOBS);
  },
  10 * 60_000 + 2 * JOBS * DRAIN_MS_PER_JOB,
);

it('S5 (Q7, E1, E6, N1): the order of ordering keys while NATS, the edge and workers are killed', async () => {
  const { counts } = await runFault({
    ...ordered,
    title: 'S5',
    jobs: 1_000,
    callers: 20,
    perSecond: 100,
    inject: async (scene) => {
      const { system, load, dice, hold } = scene;
      for (let round = 0; round < 4; round++) {
        await load.reaches(load.accepted + dice.between(20, 100));
        await system.fault('kill and restart', 'nats', async () => {
          await system.nats.kill('SIGKILL');
          await hold(dice.between(100, 2_000));
          if (round % 2 === 1) await system.fault('kill', 'edge', () => system.edge.restart());
          await system.nats.restart();
        });
        await killWorker(scene);
      }
    },
  });
  expect(counts.ends.succeeded).toBe(1_000);
});

/** Waits until so many jobs have ended. */
async function untilEnded({ system, load }: Scene, jobs: number): Promise<void> {
  const hasEnded = async (): Promise<boolean> => {
    const before = load.accepted;
    return before - (await queueState(system)).queued >= jobs;
  };
  await until(`${jobs} jobs to end`, hasEnded, PATIENCE_MS + jobs * DRAIN_MS_PER_JOB);
}
