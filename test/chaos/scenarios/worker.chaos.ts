import { it } from 'vitest';
import { runFault } from '../support/run-fault.ts';

it('W1: a worker is killed in the middle of jobs, five times', async () => {
  await runFault({
    title: 'W1',
    jobs: 300,
    input: (dice) => ({ ms: dice.between(0, 100) }),
    perSecond: 40,
    sampled: 0.3,
    inject: async ({ system, dice, hold }) => {
      for (let round = 0; round < 5; round++) {
        await system.pool.full();
        const worker = dice.pick(system.pool.workers);
        await system.fault('kill', 'worker', () => worker.kill('SIGKILL'), worker);
        await hold(dice.between(0, 300));
      }
      await system.pool.full();
    },
  });
});
