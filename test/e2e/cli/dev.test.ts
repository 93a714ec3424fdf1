import { once } from 'node:events';
import { type AddressInfo, createServer } from 'node:net';
import path from 'node:path';
import { createInterface } from 'node:readline';
import { expect, it, onTestFinished } from 'vitest';
import { createCallbackSecret } from '../../../shared/text/secret.ts';
import { dev, devIn, runJob } from '../../support/cli/dev-process.ts';
import { tenants } from '../../support/tenants.ts';

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
])('%j is refused with a sentence', async (args, sentence) => {
  const { exited, said } = dev(...args);
  const [code] = await exited;
  expect(code).toBeGreaterThan(0);
  expect(said()).toContain(sentence);
});

it('a folder of operations that is not there yet is named with its whole path, before anything starts', async () => {
  const { exited, said } = dev('--port', '0', '--operations', 'no-such-folder');
  expect((await exited)[0]).toBe(1);
  const folder = path.resolve('no-such-folder');
  expect(said()).toBe(`dev: there is no folder ${folder}; make it, or name another with --operations\n`);
});

it('parts that log nothing but errors start all the same', async () => {
  const quiet = ['--edge', 'LOG_LEVEL=error', '--worker', 'LOG_LEVEL=error'];
  const { child } = dev('--port', '0', '--json', ...quiet);
  const [line] = await once(createInterface(child.stdout), 'line');
  expect(await runJob(JSON.parse(line), 'echo')).toBe(null);
});

it('leaves this machine out of what goes to a proxy of the environment', async () => {
  const proxy = { NODE_USE_ENV_PROXY: '1', HTTP_PROXY: 'http://127.0.0.1:9', NO_PROXY: '.corp.example' };
  const { child, exited } = devIn(proxy, '--port', '0', '--json');
  const ended = exited.then(() => ['it ended']);
  const [line] = await Promise.race([once(createInterface(child.stdout), 'line'), ended]);
  expect(await runJob(JSON.parse(line), 'echo')).toBe(null);
});

it('prints a key and a callback secret that count beside those that the caller sets', async () => {
  const { callers, API_KEYS } = await tenants('acme');
  const secret = createCallbackSecret();
  const settings = [
    '--edge',
    `API_KEYS=${API_KEYS}`,
    '--worker',
    `CALLBACK_SECRETS=${JSON.stringify({ demo: secret })}`,
  ];
  const { child } = dev('--port', '0', '--json', ...settings);
  const [line] = await once(createInterface(child.stdout), 'line');
  const ready = JSON.parse(line);
  expect(await runJob(ready, 'echo')).toBe(null);
  expect(await runJob({ ...ready, apiKey: callers.acme.key }, 'echo')).toBe(null);
  expect(ready.callbackSecret).toBe(secret);
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
