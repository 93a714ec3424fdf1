import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { openSync } from 'node:fs';
import { readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { text } from 'node:stream/consumers';
import { jetstream } from '@nats-io/jetstream';
import { connect, type NatsConnection } from '@nats-io/transport-node';
import { expect, it, onTestFinished } from 'vitest';
import { hostEnvironment } from '../../../../dev/machine/environment.ts';
import { findFreePort } from '../../../../dev/machine/free-port.ts';
import { CLI } from '../../../../dev/machine/programs.ts';
import { scratchFolder } from '../../../support/cleanup.ts';
import { cacheSettings } from '../../../support/cli/process.ts';
import { endsOf } from '../../../support/jobs.ts';
import { startTestNats } from '../../../support/nats/nats.ts';
import { until } from '../../../support/poll.ts';

/** As many lines as take more characters than a host keeps for a reader that has stopped. */
const FLOOD = 60_000;
/** An event loop that is blocked at the start ends its process after 30 s. */
const BLOCKED_MS = 60_000;
const STOP_MS = 20_000;

interface Host {
  readonly child: ChildProcess;
  readonly nats: NatsConnection;
  readonly readiness: () => Promise<{ readonly status: string; readonly warnings?: readonly string[] }>;
}

/** Starts a host whose standard output is `stdout`. */
async function startHost(stdout: number | 'pipe'): Promise<Host> {
  const server = await startTestNats();
  onTestFinished(() => server.stop());
  const port = await findFreePort();
  const child = spawn(process.execPath, [CLI, 'worker', 'test/fixtures/chatty'], {
    env: {
      PATH: hostEnvironment().PATH,
      ...cacheSettings(),
      NATS_URL: server.url,
      HEALTH_PORT: String(port),
      STREAM_STORE_BYTES: '2000000000',
    },
    stdio: ['ignore', stdout, 'inherit'],
  });
  onTestFinished(() => void child.kill('SIGKILL'));
  const readiness = async () => {
    const answer = await fetch(`http://127.0.0.1:${port}/readyz`);
    return (await answer.json()) as Awaited<ReturnType<Host['readiness']>>;
  };
  await until('readiness', async () => (await readiness()).status === 'ready');
  const nats = await connect({ servers: server.url });
  onTestFinished(() => nats.close());
  return { child, nats, readiness };
}

async function run({ nats }: Host, id: string, lines = 0): Promise<void> {
  await jetstream(nats).publish(`jobs.normal.p2.demo.${id}.test.chat`, JSON.stringify({ lines }));
  await until(`the end of ${id}`, async () => (await endsOf(nats, id)).includes('succeeded'));
}

/** Sends SIGTERM. @returns how the host ended, or that it did not */
async function stop({ child }: Host): Promise<unknown> {
  const ended = once(child, 'exit').then(([code, signal]) => code ?? signal);
  child.kill('SIGTERM');
  const late = new Promise((resolve) => setTimeout(resolve, STOP_MS, 'it does not end').unref());
  return await Promise.race([ended, late]);
}

it('W18: a host whose log has no room on its disk runs jobs, says so in /readyz, and ends in time', async () => {
  // Each write to this device fails as on a full disk.
  const host = await startHost(openSync('/dev/full', 'w'));
  await run(host, 'full-1');
  await run(host, 'full-2');
  expect(await host.readiness()).toEqual({
    status: 'ready',
    warnings: [expect.stringMatching(/^log lines are lost: the disk is full; \d+ since the start$/)],
  });
  // The output cannot be written.
  expect(await stop(host)).toBe(74);
});

it('W18: a host whose log nobody reads runs jobs in bounded memory, and ends in time with 0', async () => {
  const host = await startHost('pipe');
  for (let flood = 0; flood < 6; flood++) await run(host, `flood-${flood}`, FLOOD);
  const status = await readFile(`/proc/${host.child.pid}/status`, 'utf8');
  // The lines are 180 MB and more.
  expect(Number(/^VmHWM:\s+(\d+)/m.exec(status)?.[1]) / 1_024).toBeLessThan(400);
  expect((await host.readiness()).warnings).toEqual([
    expect.stringMatching(/^log lines are lost: nobody reads stdout/),
  ]);
  expect(await stop(host)).toBe(0);
});

it('W18: a host whose log is read again says how many lines were lost, and the others are whole and in order', async () => {
  const host = await startHost('pipe');
  const isUnread = async (): Promise<boolean> =>
    JSON.stringify(await host.readiness()).includes('nobody reads stdout');
  for (let flood = 0; !(await isUnread()); flood++) await run(host, `flood-${flood}`, FLOOD);
  const { stdout } = host.child;
  if (stdout === null) throw new Error('the host has no pipe');
  const reading = text(stdout);
  await run(host, 'after');
  expect(await stop(host)).toBe(0);
  const lines = (await reading).trimEnd().split('\n');
  const logged = lines.map((line) => JSON.parse(line) as Record<string, unknown>);
  const [said] = logged.filter(({ msg }) => msg === 'log lines were lost');
  expect(said).toMatchObject({ level: 'warn', reason: expect.stringContaining('nobody reads stdout') });
  expect(said).not.toHaveProperty('trace_id');
  const numbers = logged.flatMap(({ data, job_id }) =>
    data === undefined
      ? []
      : [Number(String(job_id).split('-')[1]) * FLOOD + (data as { number: number }).number],
  );
  expect(numbers).toEqual([...numbers].sort((one, other) => one - other));
  expect(logged.at(-1)).toMatchObject({ msg: 'worker stopped' });
});

it('W18: a host that is blocked while it starts is ended in time, although its log has no room', async () => {
  const folder = await scratchFolder();
  await writeFile(path.join(folder, 'blocked.mjs'), 'while (true);');
  const child = spawn(process.execPath, [CLI, 'worker', folder], {
    env: { PATH: hostEnvironment().PATH, ...cacheSettings() },
    stdio: ['ignore', openSync('/dev/full', 'w'), 'inherit'],
  });
  onTestFinished(() => void child.kill('SIGKILL'));
  const late = new Promise((resolve) => setTimeout(resolve, BLOCKED_MS, 'it does not end').unref());
  const ended = once(child, 'exit').then(([code, signal]) => code ?? signal);
  expect(await Promise.race([ended, late])).toBe('SIGKILL');
});
