import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { connect } from 'node:net';
import { text } from 'node:stream/consumers';
import { afterEach, describe, expect, it } from 'vitest';
import { HealthServer } from '../../../worker-node/health-server.ts';
import { refusalOf } from '../support.ts';

const servers: HealthServer[] = [];

async function start(
  notReady?: string,
  warnings: readonly string[] = [],
): Promise<{ url: string; port: number; server: HealthServer }> {
  const server = new HealthServer({
    notReady: () => notReady,
    warnings: () => warnings,
    metrics: (response) => response.end('# metrics\n'),
  });
  servers.push(server);
  const port = await server.listen('127.0.0.1', 0);
  return { url: `http://127.0.0.1:${port}`, port, server };
}

afterEach(async () => {
  await Promise.all(servers.splice(0).map((server) => server.close()));
});

/** Sends these bytes, and returns the whole answer. */
async function raw(port: number, request: string): Promise<string> {
  const socket = connect(port, '127.0.0.1');
  socket.end(request);
  return await text(socket);
}

it.each([
  ['127.0.0.1', 'another program has this port'],
  ['192.0.2.1', 'HEALTH_HOST is not an address of this machine'],
  ['no.such.invalid', 'HEALTH_HOST '],
])('a port that cannot be opened on %s is refused with the reason', async (host, reason) => {
  const { port } = await start();
  const other = new HealthServer({ notReady: () => undefined, warnings: () => [], metrics: () => undefined });
  const { message } = await refusalOf(() => other.listen(host, port));
  expect(message).toContain(`HEALTH_PORT: cannot listen on ${host}:${port}: ${reason}`);
});

describe('the health server', () => {
  it.each([
    ['/healthz', 200, { status: 'ok' }],
    ['/readyz', 200, { status: 'ready' }],
    ['/readyz?verbose', 200, { status: 'ready' }],
    ['/', 404, { status: 'unknown path' }],
    ['/healthz/', 404, { status: 'unknown path' }],
  ])('answers %s with %i', async (path, status, body) => {
    const response = await fetch(`${(await start()).url}${path}`);
    expect(response.status).toBe(status);
    expect(response.headers.get('content-type')).toBe('application/json');
    expect(await response.json()).toEqual(body);
  });

  it('says that the worker stops, whatever else is wrong, and still answers that it lives', async () => {
    const { url, server } = await start('NATS is not connected');
    server.drain();
    const response = await fetch(`${url}/readyz`);
    expect([response.status, await response.json()]).toEqual([503, { status: 'stopping' }]);
    expect((await fetch(`${url}/healthz`)).status).toBe(200);
  });

  it('says why the worker takes no jobs, and still answers that it lives', async () => {
    const { url } = await start('NATS is not connected');
    const response = await fetch(`${url}/readyz`);
    expect(response.status).toBe(503);
    expect(await response.json()).toEqual({ status: 'not ready', reason: 'NATS is not connected' });
    expect((await fetch(`${url}/healthz`)).status).toBe(200);
  });

  it.each([
    [undefined, 200, { status: 'ready' }],
    ['NATS is not connected', 503, { status: 'not ready', reason: 'NATS is not connected' }],
  ])('warns of what is wrong, whether the worker takes jobs or not: %s', async (reason, status, body) => {
    const response = await fetch(`${(await start(reason, ['the clock is wrong'])).url}/readyz`);
    expect(response.status).toBe(status);
    expect(await response.json()).toEqual({ ...body, warnings: ['the clock is wrong'] });
  });

  it('serves metrics', async () => {
    expect(await (await fetch(`${(await start()).url}/metrics`)).text()).toBe('# metrics\n');
  });

  it('names the setting if the port is taken', async () => {
    const { port } = await start();
    const second = new HealthServer({
      notReady: () => undefined,
      warnings: () => [],
      metrics: () => undefined,
    });
    const error = await refusalOf(() => second.listen('127.0.0.1', port));
    expect(error).toMatchObject({ code: 'config-invalid' });
    expect(error.message).toContain('HEALTH_PORT');
    expect(error.message).toContain(String(port));
  });

  it('closes although a client keeps its connection open open', async () => {
    const { url } = await start();
    await fetch(`${url}/healthz`);
    await servers.pop()?.close();
    await expect(fetch(`${url}/healthz`)).rejects.toThrow();
  });

  it.each(['*', '/%', '/%00', 'http://other/healthz', '/../healthz'])(
    'answers a request for %s',
    async (target) => {
      const { port } = await start();
      expect(await raw(port, `GET ${target} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n`)).toMatch(
        /^HTTP\/1\.1 (?:200|400|404) /,
      );
    },
  );

  it.each(['//', '//:', 'http://[', '/\\'])(
    'survives a request for %s, and so does its worker',
    async (target) => {
      // In a process of its own, since an error that is thrown while a request is answered ends the process.
      const module = new URL('../../../worker-node/health-server.ts', import.meta.url).href;
      const program = `
        import { HealthServer } from ${JSON.stringify(module)};
        const server = new HealthServer({
      notReady: () => undefined,
      warnings: () => [],
      metrics: () => undefined,
    });
        process.stdout.write(String(await server.listen('127.0.0.1', 0)));`;
      const child = spawn(process.execPath, ['--input-type=module', '-e', program], {
        stdio: ['ignore', 'pipe', 'ignore'],
      });
      try {
        const [port] = await once(child.stdout, 'data');
        const request = `GET ${target} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n`;
        await raw(Number(port), request).catch(() => undefined);
        expect((await fetch(`http://127.0.0.1:${Number(port)}/healthz`)).status).toBe(200);
      } finally {
        child.kill();
      }
    },
  );
});
