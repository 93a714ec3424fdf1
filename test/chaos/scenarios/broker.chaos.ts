import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { expect, it } from 'vitest';
import { JOBS_STREAM } from '../../../shared/nats/streams.ts';
import { until } from '../../support/poll.ts';
import { type FaultRun, runFault, type Scene } from '../support/run-fault.ts';
import { canMount, mountSmall } from '../support/small-disk.ts';

const TIMEOUT_MS = 1_500;
/** The edge's time limit for NATS; short, so that a few seconds are enough for many missed answers. */
const impatient = { edge: { BROKER_TIMEOUT_MS: String(TIMEOUT_MS) } };
const load = { jobs: 200, perSecond: 60 } as const;
const BALLAST = 600;
const FULL = 20;

const ROWS: readonly FaultRun[] = [
  {
    title: 'N1: NATS is killed, and restarted after half a second, immediately, and after five seconds',
    jobs: 300,
    perSecond: 40,
    sampled: 0.3,
    inject: async ({ system, hold }) => {
      for (const ms of [500, 0, 5_000]) {
        await system.fault('kill', 'nats', async () => {
          await system.nats.kill('SIGKILL');
          await hold(ms);
          await system.nats.restart();
        });
        await hold(500);
      }
    },
  },
  {
    title: 'N2: NATS is paused',
    ...load,
    system: impatient,
    inject: async ({ system, hold }) => {
      await system.fault('pause', 'nats', async () => {
        await system.nats.kill('SIGSTOP');
        await hold(4 * TIMEOUT_MS);
        await system.nats.kill('SIGCONT');
      });
    },
  },
  {
    title: 'N3: the connection of the bridge goes dead without being closed',
    ...load,
    system: impatient,
    inject: async (scene) => {
      await scene.system.fault('stranded', 'network', () => scene.system.proxy.strand());
      expect(await untilAccepted(scene)).toBeLessThan(10 * TIMEOUT_MS);
    },
  },
  {
    title: 'N3: a half-open connection comes to life again, late',
    ...load,
    system: impatient,
    inject: proxied({ kind: 'half-open' }, 4 * TIMEOUT_MS),
  },
  {
    title: 'N4: new connections are accepted and hear nothing',
    ...load,
    system: impatient,
    inject: async (scene) => {
      scene.system.proxy.set({ kind: 'reset' });
      await proxied({ kind: 'blackhole' }, 4 * TIMEOUT_MS)(scene);
      expect(await untilAccepted(scene)).toBeLessThan(10 * TIMEOUT_MS);
    },
  },
  {
    title: 'N5: the connection is reset in the middle of a message, at every place of it',
    jobs: 400,
    perSecond: 40,
    before: 0.05,
    system: impatient,
    job: (dice) => ({ input: { ballast: dice.hex(BALLAST) } }),
    inject: async ({ system, load }) => {
      for (let bytes = 1; bytes < 2 * BALLAST; bytes += 61) {
        await system.fault(`cut after ${bytes}`, 'network', async () => {
          const before = system.proxy.accepted;
          system.proxy.set({ kind: 'cut-after', bytes });
          await until('a connection to be cut', () => system.proxy.accepted > before, 30_000);
          system.proxy.set({ kind: 'pass' });
        });
        await load.reaches(Math.min(load.accepted + 5, 400));
      }
    },
    afterwards: ({ system }, { counts }) => {
      expect(counts.ends.succeeded).toBe(400);
      expect(system.lines.filter((line) => line.includes('message refused'))).toEqual([]);
    },
  },
  {
    title: 'N6: every byte takes two seconds and more',
    jobs: 60,
    callers: 16,
    before: 0,
    inject: proxied({ kind: 'latency', ms: 1_000, jitterMs: 500 }, 10_000),
  },
  {
    title: 'N6: one KiB a second',
    jobs: 60,
    callers: 4,
    before: 0.1,
    inject: proxied({ kind: 'slow', bytesPerSecond: 1_024 }, 10_000),
  },
  {
    title: 'N9: the queue is full, and says so',
    jobs: 150,
    before: 0,
    inject: async ({ system, hold }) => {
      const manager = await system.manager();
      const { config } = await manager.streams.info(JOBS_STREAM);
      await system.pool.down();
      await system.fault('full', 'stream', async () => {
        await manager.streams.update(JOBS_STREAM, { ...config, max_msgs: FULL });
        await hold(3_000);
        const { state } = await manager.streams.info(JOBS_STREAM);
        expect(state.messages).toBe(FULL);
        await system.pool.up();
        await manager.streams.update(JOBS_STREAM, config);
      });
    },
    afterwards: (_, { counts, record }) => {
      expect(counts.ends.succeeded).toBe(150);
      const codes = record.load.flatMap((entry) => (entry.type === 'answer' ? (entry.code ?? []) : []));
      const durable = record.load.some((entry) => entry.type === 'answer' && entry.durability === 'outbox');
      expect(durable || codes.includes('stream-full')).toBe(true);
    },
  },
  {
    title: 'N13: NATS leaves by lame duck, ten bridges reconnect without a storm',
    jobs: 400,
    perSecond: 60,
    callers: 16,
    system: tenBridges(),
    inject: async ({ system, hold }) => {
      const before = system.proxy.accepted;
      const began = Date.now();
      await system.fault('lame duck', 'nats', async () => {
        await system.nats.kill('SIGUSR2');
        await system.nats.exited;
        await hold(2_000);
        await system.nats.restart();
      });
      const seconds = (Date.now() - began) / 1_000;
      // A bridge pauses for 200 ms after each failure.
      expect(system.proxy.accepted - before).toBeLessThan(10 * (5 * seconds + 2));
    },
  },
  {
    title: 'N14: what NATS answers is lost on the way, for a second',
    ...load,
    jobs: 300,
    system: impatient,
    inject: async (scene) => {
      for (let round = 0; round < 3; round++) {
        await proxied({ kind: 'drop-replies' }, 1_000)(scene);
        await scene.hold(500);
      }
    },
    afterwards: (_, { counts }) => expect(counts.executions).toBe(300),
  },
];

for (const row of ROWS) it(row.title, async () => void (await runFault(row)));

it.skipIf(!(await canMount()))('N10: the disk of NATS is full', async () => {
  const disk = await mountSmall(24);
  await runFault({
    title: 'N10',
    // nats-server 2.14.5 sometimes keeps a message whose ack came while the disk was full.
    mayKeepDone: true,
    ...load,
    system: { ...impatient, storeDir: path.join(disk.path, 'store') },
    inject: async ({ system, hold }) => {
      await system.fault('disk full', 'nats', async () => {
        await disk.fill();
        await hold(4_000);
        await disk.free();
        // After a full disk, a server turns JetStream off until it is started again.
        await system.nats.restart();
      });
    },
  });
});

it('N12: the credentials of the bridge are revoked while it is connected', async () => {
  const directory = await mkdtemp(path.join(tmpdir(), 'throughline-users-'));
  const users = path.join(directory, 'users.conf');
  const all = 'users: [{user: "worker", password: "w"}, {user: "edge", password: "e"}]';
  await writeFile(users, all);
  try {
    await runFault({
      title: 'N12',
      ...load,
      system: {
        natsConfig: `authorization { include "../${path.basename(directory)}/users.conf" }`,
        natsUser: { user: 'worker', pass: 'w' },
        worker: { NATS_USER: 'worker', NATS_PASSWORD: 'w' },
        edge: { NATS_USER: 'edge', NATS_PASSWORD: 'e' },
      },
      inject: async (scene) => {
        const { system, hold } = scene;
        await system.fault('revoked', 'nats', async () => {
          await writeFile(users, all.replace('"e"', '"another"'));
          await system.nats.kill('SIGHUP');
          await hold(3_000);
          await writeFile(users, all);
          await system.nats.kill('SIGHUP');
        });
        await untilAccepted(scene);
      },
    });
  } finally {
    await rm(directory, { recursive: true, force: true });
  }
});

/** Lets the proxy misbehave for a while. */
function proxied(mode: Parameters<Scene['system']['proxy']['set']>[0], ms: number): FaultRun['inject'] {
  return async ({ system, hold }) => {
    await system.fault(mode.kind, 'network', async () => {
      system.proxy.set(mode);
      await hold(ms);
      system.proxy.set({ kind: 'pass' });
    });
  };
}

/** Waits until another job is accepted. @returns how many milliseconds that took */
async function untilAccepted({ load }: Scene): Promise<number> {
  const began = Date.now();
  await load.reaches(load.accepted + 1);
  return Date.now() - began;
}

function tenBridges(): FaultRun['system'] & object {
  return {
    edge: { ...impatient.edge, BRIDGE_SHARDS: '10' },
    natsConfig: 'lame_duck_grace_period: "1s"\nlame_duck_duration: "30s"',
  };
}
