import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { writeFile } from 'node:fs/promises';
import { type AddressInfo, connect, createServer } from 'node:net';
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
  [['operations'], 'options stand behind `--`'],
  [['--port', '0', '--operations', 'no-such-folder'], 'the operations folder no-such-folder cannot be read'],
])('%j is refused with a sentence', async (args, sentence) => {
  const { exited, said } = dev(...args);
  const [code] = await exited;
  expect(code).toBeGreaterThan(0);
  expect(said()).toContain(sentence);
});

it('parts that log nothing but errors start all the same', async () => {
  const quiet = ['--edge', 'LOG_LEVEL=error', '--worker', 'LOG_LEVEL=error'];
  const { child } = dev('--port', '0', '--json', ...quiet);
  const [line] = await once(createInterface(child.stdout), 'line');
  expect(await runJob(JSON.parse(line), 'echo')).toBe(null);
});

it.each([
  [['--cors', 'localhost:5173'], 'CORS_ORIGINS: must be "*", or a comma list of origins'],
  [['--edge', 'LOG_LEVEL=loud'], 'LOG_LEVEL: must be debug, info, warn or error'],
  [['--worker', 'LOG_LEVEL=loud'], 'LOG_LEVEL: must be debug, info, warn or error'],
])('a setting that cannot be used ends it at once, and is named once: %j', async (args, sentence) => {
  const { exited, said } = dev('--port', '0', '--json', ...args);
  const [code] = await exited;
  expect(code).toBe(1);
  expect(said().match(/^dev: .*/gm)).toEqual([expect.stringContaining(sentence)]);
  // A log line of the edge has the sentence as JSON.
  const errors = said()
    .split('\n')
    .filter((line) => line.includes('"level":"error"'));
  expect(errors.length).toBeLessThanOrEqual(1);
  expect(said()).not.toMatch(/^error: /m);
});

it.each(['--port', '--nats-port', '--nats-websocket-port', '--otlp-port'])(
  'says that the port of %s is taken, before anything starts',
  async (option) => {
    const other = createServer().listen(0, '127.0.0.1');
    await once(other, 'listening');
    onTestFinished(() => void other.close());
    const { port } = other.address() as AddressInfo;
    const { exited, said } = dev(...(option === '--port' ? [] : ['--port', '0']), option, String(port));
    expect((await exited)[0]).toBe(1);
    expect(said()).toBe(`dev: another program has port ${port}; ${option} 0 takes a free one\n`);
  },
);

it('Ctrl-C while it starts stops it without a failure', async () => {
  const { child, exited, said } = dev('--port', '0');
  await until('the first step', () => said().includes('nats-server'));
  child.kill('SIGINT');
  expect(await exited).toEqual([0, null]);
  expect(said()).not.toMatch(/^dev: /m);
});

it('leaves nothing running when it is killed', async () => {
  const { child, exited } = dev('--port', '0', '--json');
  const [line] = await once(createInterface(child.stdout), 'line');
  const { url, natsUrl, tracesUrl } = JSON.parse(line);
  child.kill('SIGKILL');
  await exited;
  for (const address of [url, natsUrl, tracesUrl])
    await until(`the end of ${address}`, async () => !(await isOpen(new URL(address))));
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
});

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
});

it('a folder of --persist belongs to one stack at a time', async () => {
  const folder = path.join(await scratchFolder(), 'kept');
  const start = () => dev('--port', '0', '--json', '--persist', folder);
  const first = start();
  await once(createInterface(first.child.stdout), 'line');
  const second = start();
  expect((await second.exited)[0]).toBe(1);
  expect(second.said()).toContain(
    `dev: ${folder} is in use by another stack; stop that one, or name another folder`,
  );
  first.child.kill('SIGINT');
  await first.exited;
  const [line] = await once(createInterface(start().child.stdout), 'line');
  expect(JSON.parse(line)).toHaveProperty('url');
});

async function isOpen({ hostname, port }: URL): Promise<boolean> {
  const socket = connect(Number(port), hostname);
  try {
    await once(socket, 'connect');
    return true;
  } catch {
    return false;
  } finally {
    socket.destroy();
  }
}

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
