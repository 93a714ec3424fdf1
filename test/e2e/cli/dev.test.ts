import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { expect, it, onTestFinished } from 'vitest';

const DEV = fileURLToPath(new URL('../../../dev/main.ts', import.meta.url));

function dev(...args: string[]) {
  const child = spawn(process.execPath, [DEV, ...args], { stdio: ['ignore', 'pipe', 'pipe'] });
  onTestFinished(() => void child.kill('SIGKILL'));
  let stderr = '';
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    stderr += text;
  });
  return { child, exited: once(child, 'exit'), said: () => stderr };
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
