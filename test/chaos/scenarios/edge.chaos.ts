import path from 'node:path';
import { expect, it } from 'vitest';
import type { LedgerRecord } from '../ledger/ledger.ts';
import { type FaultRun, runFault, type Scene } from '../support/run-fault.ts';
import { canMount, mountSmall } from '../support/small-disk.ts';

const ROOM = 50;

const ROWS: readonly FaultRun[] = [
  {
    title: 'E1: the edge is killed just after a request, twenty times',
    jobs: 400,
    callers: 4,
    before: 0.05,
    inject: (scene) => killEdge(scene, 20),
  },
  {
    title: 'E1: the same where the edge acknowledges by itself',
    jobs: 400,
    callers: 4,
    before: 0.05,
    system: { edge: { ACK_MODE: 'outbox' } },
    inject: (scene) => killEdge(scene, 20),
  },
  {
    title: 'E5: the edge is paused',
    jobs: 200,
    perSecond: 50,
    sampled: 0.3,
    inject: async ({ system, hold }) => {
      await system.fault('pause', 'edge', async () => {
        await system.edge.kill('SIGSTOP');
        await hold(8_000);
        await system.edge.kill('SIGCONT');
      });
    },
  },
  {
    title:
      'E6: the edge starts again with jobs in its outbox and NATS away, and sends them once NATS is back',
    jobs: 200,
    before: 0.1,
    inject: async ({ system, load }) => {
      await system.fault('away, edge restarted', 'nats', async () => {
        await system.nats.kill('SIGKILL');
        await load.done();
        await system.fault('kill', 'edge', () => system.edge.restart());
        expect(await system.outbox()).toBeGreaterThan(0);
        await system.nats.restart();
      });
    },
  },
  {
    title: 'E6: the same where the outbox keeps jobs until their end, killed while it sends',
    jobs: 300,
    before: 0.1,
    system: { edge: { OUTBOX_KEEP: 'ended' } },
    inject: async ({ system, load, dice, hold }) => {
      await system.fault('away', 'nats', async () => {
        await system.nats.kill('SIGKILL');
        await load.done();
        await system.nats.restart();
      });
      for (let round = 0; round < 4; round++) {
        await hold(dice.between(0, 400));
        await system.fault('kill', 'edge', () => system.edge.restart());
      }
    },
  },
  {
    title: 'E12: the outbox is full, says so, and costs no more memory',
    jobs: 1_000,
    callers: 32,
    before: 0,
    system: { edge: { OUTBOX_MAX_ROWS: String(ROOM), OUTBOX_TENANT_PERCENT: '100' } },
    inject: async ({ system, load, hold }) => {
      await load.reaches(100);
      await system.fault('away', 'nats', async () => {
        await system.nats.kill('SIGKILL');
        await hold(4_000);
        const before = await system.edge.memory();
        expect(await system.outbox()).toBeLessThanOrEqual(ROOM);
        await hold(4_000);
        expect(await system.edge.memory()).toBeLessThan(before + 100);
        await system.nats.restart();
      });
    },
    afterwards: (_, { record }) => expect(codesOf(record)).toContain('outbox-full'),
  },
];

for (const row of ROWS) it(row.title, async () => void (await runFault(row)));

it.skipIf(!(await canMount()))('E10: the disk of the outbox is full', async () => {
  // SQLite's write-ahead log alone grows to 4 MiB before it is checkpointed.
  const disk = await mountSmall(24);
  await runFault({
    title: 'E10',
    jobs: 200,
    callers: 4,
    perSecond: 60,
    job: (dice) => ({ input: { ballast: dice.hex(2_000) } }),
    system: { edgeStorageDir: path.join(disk.path, 'storage') },
    inject: async ({ system, hold }) => {
      await system.fault('away, disk full', 'nats', async () => {
        await disk.fill();
        await system.nats.kill('SIGKILL');
        await hold(5_000);
        await disk.free();
        await hold(2_000);
        await system.nats.restart();
      });
    },
  });
});

/** Kills the edge at a random moment after it accepted a job, and starts it again. */
async function killEdge({ system, load, dice, hold }: Scene, times: number): Promise<void> {
  for (let round = 0; round < times; round++) {
    await load.reaches(load.accepted + 1);
    await hold(dice.between(0, 50));
    await system.fault('kill', 'edge', () => system.edge.restart());
  }
}

function codesOf({ load }: LedgerRecord): string[] {
  return load.flatMap((entry) => (entry.type === 'answer' ? (entry.code ?? []) : []));
}
