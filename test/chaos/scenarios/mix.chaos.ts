import { expect, it } from 'vitest';
import { SUITE } from '../../support/suite-settings.ts';
import { runFault, type Scene } from '../support/run-fault.ts';

const DURATION_MS = SUITE.CHAOS_MIX_MS;
const MEAN_PAUSE_MS = SUITE.CHAOS_MIX_PAUSE_MS;
const PER_SECOND = SUITE.CHAOS_MIX_PER_SECOND;
const JOBS = Math.ceil((DURATION_MS / 1_000) * PER_SECOND);

type Fault = (scene: Scene) => Promise<void>;

it(`C1: all kinds of faults at random moments, for ${DURATION_MS / 1_000} s`, async () => {
  const { counts } = await runFault({
    title: 'C1',
    jobs: JOBS,
    callers: 16,
    batch: 5,
    perSecond: PER_SECOND,
    before: 0,
    sampled: 0.1,
    job: (dice) => ({ input: { ms: dice.next() < 0.2 ? dice.between(1, 500) : 0 } }),
    system: { workers: 3, edge: { BROKER_TIMEOUT_MS: '1500' } },
    inject: async (scene) => {
      const until = Date.now() + DURATION_MS;
      while (Date.now() < until) {
        await scene.hold(scene.dice.exponential(MEAN_PAUSE_MS));
        await scene.dice.pick(FAULTS)(scene);
      }
      await scene.system.pool.full();
    },
  });
  expect(counts.ends.succeeded).toBe(JOBS);
});

const FAULTS: readonly Fault[] = [
  async ({ system, dice, hold }) =>
    await system.fault('kill', 'nats', async () => {
      await system.nats.kill('SIGKILL');
      await hold(dice.between(0, 5_000));
      await system.nats.restart();
    }),
  async ({ system, dice, hold }) =>
    await system.fault('pause', 'nats', async () => {
      await system.nats.kill('SIGSTOP');
      await hold(dice.between(500, 4_000));
      await system.nats.kill('SIGCONT');
    }),
  async ({ system, dice }) => {
    await system.pool.full();
    const worker = dice.pick(system.pool.workers);
    await system.fault('kill', 'worker', () => worker.kill('SIGKILL'), worker);
  },
  async ({ system, dice, hold }) => {
    await system.pool.full();
    const worker = dice.pick(system.pool.workers);
    const pause = async (): Promise<void> => {
      await worker.kill('SIGSTOP');
      await hold(dice.between(500, 6_000));
      await worker.kill('SIGCONT');
    };
    await system.fault('pause', 'worker', pause, worker);
  },
  async ({ system }) => await system.fault('kill', 'edge', () => system.edge.restart()),
  async ({ system, dice, hold }) =>
    await system.fault('pause', 'edge', async () => {
      await system.edge.kill('SIGSTOP');
      await hold(dice.between(500, 4_000));
      await system.edge.kill('SIGCONT');
    }),
  async ({ system }) => await system.fault('stranded', 'network', () => system.proxy.strand()),
  async ({ system }) =>
    await system.fault('reset', 'network', () => {
      system.proxy.set({ kind: 'reset' });
      system.proxy.set({ kind: 'pass' });
    }),
  misbehaving({ kind: 'latency', ms: 200, jitterMs: 500 }),
  misbehaving({ kind: 'slow', bytesPerSecond: 8_192 }),
  misbehaving({ kind: 'half-open' }),
  misbehaving({ kind: 'drop-replies' }),
];

function misbehaving(mode: Parameters<Scene['system']['proxy']['set']>[0]): Fault {
  return async ({ system, dice, hold }) =>
    await system.fault(mode.kind, 'network', async () => {
      system.proxy.set(mode);
      await hold(dice.between(500, 4_000));
      system.proxy.set({ kind: 'pass' });
    });
}
