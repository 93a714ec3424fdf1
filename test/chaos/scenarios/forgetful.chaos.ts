import { mkdtemp, readdir, rm, stat, truncate } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { expect, it, onTestFinished } from 'vitest';
import { JOBS_STREAM } from '../../../shared/nats/streams.ts';
import { runFault, type Scene } from '../support/run-fault.ts';

const JOBS = 300;
/** The part of the queue's last block that stays, as after a power failure of a server that does not sync. */
const LEFT = 1 / 3;

/** Accepts all jobs while no worker runs, and then cuts off the end of NATS's files. */
async function forget({ system, load }: Scene, storeDir: string): Promise<void> {
  await system.pool.down();
  await load.done();
  await system.fault('the end of JOBS is gone', 'nats', async () => {
    await system.nats.kill('SIGKILL');
    await cutLastBlock(path.join(storeDir, 'jetstream/$G/streams', JOBS_STREAM, 'msgs'));
    await system.nats.restart();
  });
  await system.pool.up();
}

async function cutLastBlock(directory: string): Promise<void> {
  const files = await readdir(directory);
  const blocks = files.filter((file) => file.endsWith('.blk'));
  const last = blocks.sort((a, b) => Number.parseInt(a, 10) - Number.parseInt(b, 10)).at(-1);
  if (last === undefined) throw new Error(`there is no block among ${files.join(', ')}`);
  const file = path.join(directory, last);
  await truncate(file, Math.floor((await stat(file)).size * LEFT));
  // The server's index of the blocks would show that something is missing, and not bring it back.
  for (const index of files.filter((name) => !name.endsWith('.blk'))) await rm(path.join(directory, index));
}

async function forgetful(keep: 'ended' | 'published') {
  const storeDir = await mkdtemp(path.join(tmpdir(), 'throughline-forgetful-'));
  onTestFinished(() => rm(storeDir, { recursive: true, force: true }));
  return await runFault({
    title: `N7, OUTBOX_KEEP=${keep}`,
    jobs: JOBS,
    before: 0,
    system: { storeDir, edge: { OUTBOX_KEEP: keep } },
    inject: (scene) => forget(scene, storeDir),
    afterwards: ({ system }) => {
      const noticed = system.lines.filter((line) => line.includes('NATS has forgotten a job'));
      expect(noticed.length > 0).toBe(keep === 'ended');
    },
    ...(keep === 'ended' ? {} : { expectViolations: true as const }),
  });
}

it('N7: NATS loses some jobs that it acknowledged; with OUTBOX_KEEP=ended they are sent again', async () => {
  const { counts } = await forgetful('ended');
  expect(counts.ends.succeeded).toBe(JOBS);
});

it('N7: without that setting those jobs are lost, and the ledger shows it', async () => {
  const { violations } = await forgetful('published');
  expect(violations.map(({ check }) => check)).toContain('L1');
});
