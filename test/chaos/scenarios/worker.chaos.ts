import { rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { jetstream } from '@nats-io/jetstream';
import { expect, it, onTestFinished } from 'vitest';
import { runCommand } from '../../../dev/machine/command.ts';
import { DEAD_STREAM, EVENTS_STREAM, JOBS_STREAM } from '../../../shared/nats/streams.ts';
import { HEADER } from '../../../shared/wire/headers.ts';
import { until } from '../../support/poll.ts';
import type { EffectEntry } from '../ledger/ledger.ts';
import { type FaultRun, runFault, type Scene } from '../support/run-fault.ts';

const ACK_WAIT_MS = 1_500;
const POISONED = 5;
const MAX_PENDING = 12;
const shortJobs = { perSecond: 60, job: work(0, 100) } as const;
const quickRedelivery = { worker: { WORKER_ACK_WAIT_MS: String(ACK_WAIT_MS) } };

const ROWS: readonly FaultRun[] = [
  {
    title: 'W1: a worker is killed in the middle of jobs, five times',
    jobs: 300,
    ...shortJobs,
    sampled: 0.3,
    inject: async ({ system, dice, hold }) => {
      for (let round = 0; round < 5; round++) {
        await killWorker({ system, dice });
        await hold(dice.between(0, 300));
      }
    },
  },
  {
    title: 'W4: a worker is paused past the ack wait, with jobs running and jobs on their way to it',
    jobs: 300,
    perSecond: 60,
    job: work(100, 300),
    system: quickRedelivery,
    inject: pauseWorker,
  },
  {
    title: 'W5: slow work does not pile up in the workers',
    jobs: 200,
    job: work(60, 60),
    callers: 16,
    system: pendingLimit(MAX_PENDING),
    inject: async ({ load, system }) => {
      const manager = await system.manager();
      let loaded = false;
      void load.done().then(() => {
        loaded = true;
      });
      while (!loaded) {
        for await (const { name, num_ack_pending } of manager.consumers.list(JOBS_STREAM))
          expect(num_ack_pending, name).toBeLessThanOrEqual(MAX_PENDING);
      }
    },
    // The jobs of one tenant are in its pooled lane and in its bulk lane.
    afterwards: (_, { record }) => expect(mostAtOnce(record.effects)).toBeLessThanOrEqual(2 * MAX_PENDING),
  },
  {
    title: 'W7: jobs that always throw end in the dead letters, whole',
    jobs: 100,
    job: poisoned('throw'),
    inject: nothing,
    afterwards: async ({ system }, { counts }) => {
      expect(counts.ends).toEqual({ succeeded: 100 - POISONED, failed: POISONED, cancelled: 0 });
      expect(counts.again.attempt).toBe(POISONED * 2);
      const { state } = await (await system.manager()).streams.info(DEAD_STREAM);
      expect(state.messages).toBe(POISONED);
    },
  },
  {
    title: 'W8: jobs that kill their worker each time end in the dead letters, and the others are run',
    jobs: 60,
    callers: 2,
    job: poisoned('exit'),
    system: quickRedelivery,
    inject: nothing,
    afterwards: (_, { counts }) => {
      expect(counts.ends).toEqual({ succeeded: 60 - POISONED, failed: POISONED, cancelled: 0 });
    },
  },
  {
    title: 'W12: a rolling restart of three workers under load runs nothing twice',
    jobs: 400,
    perSecond: 50,
    job: work(0, 100),
    system: { workers: 3 },
    inject: async ({ system }) => await system.fault('rolling restart', 'worker', () => system.pool.roll()),
    afterwards: (_, { counts }) => expect(counts.executions).toBe(400),
  },
  {
    title: 'W13: a worker runs out of memory, and is started again',
    ...gated('fill-memory', { system: { ...quickRedelivery, worker: heapLimit(64) } }),
  },
  {
    title: 'W13: a worker runs out of files, and gets some back',
    jobs: 200,
    ...shortJobs,
    inject: async ({ system, dice, hold }) => {
      const worker = dice.pick(system.pool.workers);
      const starve = async (): Promise<void> => {
        await limitFiles(worker.pid, 16);
        await hold(1_500);
        await limitFiles(worker.pid, 1_024);
      };
      await system.fault('no files', 'worker', starve, worker);
    },
  },
  {
    title: 'W14: events cannot be stored for a while',
    jobs: 200,
    ...shortJobs,
    inject: async ({ system, hold }) => {
      const manager = await system.manager();
      const { config } = await manager.streams.info(EVENTS_STREAM);
      await system.fault('EVENTS away', 'stream', async () => {
        await manager.streams.update(EVENTS_STREAM, { ...config, subjects: ['away.>'] });
        await hold(3_000);
        await manager.streams.update(EVENTS_STREAM, config);
      });
    },
  },
  {
    title: 'T3: every message is in the queue twice, the second one marked as published again',
    jobs: 100,
    before: 0,
    inject: async ({ system, load }) => {
      await system.pool.down();
      await load.done();
      await system.fault('published again', 'stream', () => publishAgain(system));
      await system.pool.up();
    },
  },
  {
    title: 'W15: a job keeps the event loop of its worker for longer than the ack wait',
    ...gated('block', { system: quickRedelivery }, 3 * ACK_WAIT_MS),
  },
];

for (const row of ROWS) it(row.title, async () => void (await runFault(row)));

it('W4: the same for jobs that report progress', async () => {
  await runFault({
    title: 'W4, with progress',
    jobs: 100,
    perSecond: 60,
    system: quickRedelivery,
    inject: pauseWorker,
    job: (dice) => ({ input: { ms: dice.between(300, 600), tell: true } }),
  });
});

async function pauseWorker({ system, dice, hold }: Scene): Promise<void> {
  const worker = dice.pick(system.pool.workers);
  const pause = async (): Promise<void> => {
    await worker.kill('SIGSTOP');
    await hold(2 * ACK_WAIT_MS + 500);
    await worker.kill('SIGCONT');
  };
  await system.fault('pause', 'worker', pause, worker);
}

function work(from: number, to: number): NonNullable<FaultRun['job']> {
  return (dice) => ({ input: { ms: dice.between(from, to) } });
}

/** The first few jobs fail at each attempt. */
function poisoned(mode: 'throw' | 'exit'): NonNullable<FaultRun['job']> {
  let left = POISONED;
  return () => (left-- > 0 ? { input: { mode }, maxAttempts: 3 } : { input: {} });
}

/** Jobs of which a few misbehave at their first attempt. */
function gated(
  mode: 'fill-memory' | 'block',
  more: Partial<FaultRun>,
  ms = 0,
): Pick<FaultRun, 'jobs' | 'inject'> & Partial<FaultRun> {
  const gate = path.join(tmpdir(), `throughline-gate-${process.pid}-${mode}`);
  let sent = 0;
  return {
    jobs: 150,
    perSecond: 40,
    before: 0,
    ...more,
    job: () => ({ input: sent++ === 20 ? { mode, gate, ms } : {} }),
    inject: async ({ system, ledger }) => {
      await writeFile(gate, '');
      onTestFinished(() => rm(gate, { force: true }));
      const misbehaving = async (): Promise<boolean> => {
        const { load, effects } = await ledger.read();
        const begun = effects.filter(({ phase }) => phase === 'begin').length;
        const done = effects.length - begun;
        return begun > done && (mode === 'block' || load.some((entry) => entry.type === 'fault'));
      };
      await system.fault(mode, 'worker', async () => {
        await until('a worker to be in it', misbehaving, 60_000);
        await rm(gate);
        if (mode === 'block') await delay(ms);
      });
      await system.pool.full();
    },
  };
}

function pendingLimit(limit: number): FaultRun['system'] & object {
  return { worker: { WORKER_MAX_ACK_PENDING: String(limit), WORKER_CONCURRENCY: '50' } };
}

function heapLimit(megabytes: number): Record<string, string> {
  return { WORKER_ACK_WAIT_MS: String(ACK_WAIT_MS), NODE_OPTIONS: `--max-old-space-size=${megabytes}` };
}

async function limitFiles(pid: number, count: number): Promise<void> {
  await runCommand('prlimit', ['--pid', String(pid), `--nofile=${count}:`], { timeoutMs: 5_000 });
}

/** The largest number of executions that were under way together. */
function mostAtOnce(effects: readonly EffectEntry[]): number {
  let now = 0;
  let most = 0;
  for (const { phase } of effects) {
    now += phase === 'begin' ? 1 : -1;
    most = Math.max(most, now);
  }
  return most;
}

/** Publishes each message again, as a bridge does that does not know whether the first one arrived. */
async function publishAgain({ manager, events }: Scene['system']): Promise<void> {
  const streams = (await manager()).streams;
  const { state } = await streams.info(JOBS_STREAM);
  for (let seq = state.first_seq; seq <= state.last_seq; seq++) {
    const message = await streams.getMessage(JOBS_STREAM, { seq });
    if (message === null) continue;
    const headers = message.header;
    headers.set(HEADER.msgId, `${headers.get(HEADER.msgId)}:again`);
    headers.set(HEADER.publishedAgain, 'true');
    await jetstream(events.connection).publish(message.subject, message.data, { headers });
  }
}

async function killWorker({ system, dice }: Pick<Scene, 'system' | 'dice'>): Promise<void> {
  await system.pool.full();
  const worker = dice.pick(system.pool.workers);
  await system.fault('kill', 'worker', () => worker.kill('SIGKILL'), worker);
  await system.pool.full();
}

async function nothing(): Promise<void> {}
