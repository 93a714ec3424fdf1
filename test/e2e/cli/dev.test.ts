import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { writeFile } from 'node:fs/promises';
import path from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { expect, it, onTestFinished } from 'vitest';
import { Job } from '../../../shared/job/job.ts';
import { scratchFolder } from '../../support/cleanup.ts';
import { until } from '../../support/poll.ts';

const WORKER = new URL('../../../worker-node/index.ts', import.meta.url);
const DEV = fileURLToPath(new URL('../../../dev/main.ts', import.meta.url));

function dev(...args: string[]) {
  const child = spawn(process.execPath, [DEV, ...args], { stdio: ['ignore', 'pipe', 'pipe'] });
  const exited = once(child, 'exit');
  // SIGKILL would leave the edge behind.
  onTestFinished(async () => {
    child.kill('SIGINT');
    await exited;
  });
  let stderr = '';
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    stderr += text;
  });
  return { child, exited, said: () => stderr };
}

it('one JSON line tells where everything is, and Ctrl-C stops all of it and says so', async () => {
  const { child, exited, said } = dev('--port', '0', '--json');
  const [line] = await once(createInterface(child.stdout), 'line');
  const ready = JSON.parse(line);
  expect(Object.keys(ready)).toEqual([
    'url',
    'apiKey',
    'callbackSecret',
    'natsUrl',
    'natsWebSocketUrl',
    'otlpUrl',
    'tracesUrl',
  ]);
  const authorization = `Bearer ${ready.apiKey}`;
  const response = await fetch(`${ready.url}/v1/jobs`, {
    method: 'POST',
    headers: { authorization, 'content-type': 'application/json', prefer: 'wait=30' },
    body: '{"operation":"echo","input":1}',
  });
  expect(response.status).toBe(200);
  expect((await fetch(ready.tracesUrl)).status).toBe(200);

  child.kill('SIGINT');
  expect(await exited).toEqual([0, null]);
  for (const part of ['the edge', 'worker', 'nats-server', 'the trace collector']) {
    expect(said()).toContain(`stopped ${part}`);
  }
  for (const url of [ready.url, ready.tracesUrl]) await expect(fetch(url)).rejects.toThrow();
});

it.each([
  [['--port', 'x'], 'It must be a port from 0 to 65535'],
  [['--prot', '0'], "unknown option '--prot'"],
  [['--port', '0', '--operations', 'no-such-folder'], 'the operations folder no-such-folder cannot be read'],
])('%j is refused with a sentence', async (args, sentence) => {
  const { exited, said } = dev(...args);
  const [code] = await exited;
  expect(code).toBeGreaterThan(0);
  expect(said()).toContain(sentence);
});

it('leaves nothing running when a part does not start', async () => {
  const { exited, said } = dev('--port', '0', '--operations', 'no-such-folder');
  const [code] = await exited;
  expect(code).toBe(1);
  for (const part of ['the edge', 'nats-server', 'the trace collector'])
    expect(said()).toContain(`stopped ${part}`);
});

it('a changed operation runs without a restart; one that does not load leaves the old one in place', async () => {
  const folder = await scratchFolder();
  const file = path.join(folder, 'version.mjs');
  const write = (version: string) =>
    writeFile(
      file,
      `import { defineOperation } from '${WORKER}';
      const input = { '~standard': { version: 1, vendor: 'test', validate: (value) => ({ value }) } };
      export default defineOperation({ name: 'test.version', input, run: () => ${version} });`,
    );
  await write("'one'");
  const { child, said } = dev('--port', '0', '--json', '--operations', folder);
  const [line] = await once(createInterface(child.stdout), 'line');
  const ready = JSON.parse(line);
  const run = () => runJob(ready, 'test.version');
  expect(await run()).toBe('one');
  await write("'two'");
  await until('the new worker', () => said().includes('operations loaded again: worker '));
  expect(await until('the new result', async () => (await run()) === 'two')).toBe(true);
  await write('}');
  await until('the refusal', () => said().includes('the changed operations do not start, so worker '));
  expect(await run()).toBe('two');
}, 120_000);

it('--persist keeps jobs and the key for the next start', async () => {
  const folder = path.join(await scratchFolder(), 'kept');
  const start = async () => {
    const started = dev('--port', '0', '--json', '--persist', folder);
    const [line] = await once(createInterface(started.child.stdout), 'line');
    return { ...started, ready: JSON.parse(line) as Ready };
  };
  const first = await start();
  const job = await submit(first.ready, { operation: 'echo', input: 'kept' }, { prefer: 'wait=30' });
  first.child.kill('SIGINT');
  expect(await first.exited).toEqual([0, null]);
  const { ready } = await start();
  expect(ready.apiKey).toBe(first.ready.apiKey);
  const authorization = `Bearer ${ready.apiKey}`;
  const answer = await fetch(`${ready.url}/v1/jobs/${job.id}`, { headers: { authorization } });
  expect(await answer.json()).toMatchObject({ state: 'succeeded', result: 'kept' });
}, 120_000);

interface Ready {
  readonly url: string;
  readonly apiKey: string;
}

async function submit({ url, apiKey }: Ready, body: object, headers: Record<string, string>): Promise<Job> {
  const response = await fetch(`${url}/v1/jobs`, {
    method: 'POST',
    headers: { authorization: `Bearer ${apiKey}`, 'content-type': 'application/json', ...headers },
    body: JSON.stringify(body),
  });
  return Job.parse(await response.json());
}

async function runJob(ready: Ready, operation: string): Promise<unknown> {
  return (await submit(ready, { operation, input: null }, { prefer: 'wait=30' })).result;
}
