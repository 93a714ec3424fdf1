import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { access, chmod, mkdir, mkdtemp, readdir, readFile, rm, utimes, writeFile } from 'node:fs/promises';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { jetstream, jetstreamManager } from '@nats-io/jetstream';
import { wsconnect } from '@nats-io/nats-core';
import { connect } from '@nats-io/transport-node';
import { afterEach, describe, expect, it, onTestFinished } from 'vitest';
import { type LocateOptions, locateNatsServer } from '../../../dev/nats-binary/locate.ts';
import type { NatsServer, NatsServerOptions } from '../../../dev/nats-server/start.ts';
import { startTestNats, testNatsBinary } from '../../support/nats/nats.ts';

const started: NatsServer[] = [];

async function start(options?: Omit<NatsServerOptions, 'binary'>): Promise<NatsServer> {
  const server = await startTestNats(options);
  started.push(server);
  return server;
}

afterEach(async () => {
  await Promise.all(started.splice(0).map((server) => server.stop()));
});

async function temporaryDirectory(): Promise<string> {
  const directory = await mkdtemp(join(tmpdir(), 'throughline-test-'));
  onTestFinished(() => rm(directory, { recursive: true, force: true }));
  return directory;
}

/** Whether a process runs; a zombie counts as ended. */
async function isRunning(pid: number): Promise<boolean> {
  try {
    process.kill(pid, 0);
  } catch {
    return false;
  }
  const status = await readFile(`/proc/${pid}/stat`, 'utf8').catch(() => '');
  return !/\) [ZX] /.test(status);
}

describe('a started nats-server', () => {
  it('keeps and gives messages over JetStream and over WebSocket', async () => {
    const server = await start();
    expect(server.version).toBe(testNatsBinary().version);
    const nats = await connect({ servers: server.url });
    const manager = await jetstreamManager(nats);
    await manager.streams.add({ name: 'JOBS', subjects: ['jobs.>'] });
    const overWebSocket = await wsconnect({ servers: server.webSocketUrl });
    const ack = await jetstream(overWebSocket).publish('jobs.one', 'from the edge');
    expect(ack).toMatchObject({ stream: 'JOBS', seq: 1 });
    const stored = await manager.streams.getMessage('JOBS', { seq: 1 });
    expect(stored?.string()).toBe('from the edge');
    await Promise.all([nats.close(), overWebSocket.close()]);
  });

  it('has the same ports and messages after SIGKILL and restart', async () => {
    const server = await start();
    const { url, webSocketUrl, pid } = server;
    const before = await connect({ servers: url });
    await (await jetstreamManager(before)).streams.add({ name: 'JOBS', subjects: ['jobs.>'] });
    await jetstream(before).publish('jobs.one', 'still here');
    await before.close();

    await server.kill('SIGKILL');
    expect(await server.exited).toBeNull();
    await server.restart();

    expect({ url: server.url, webSocketUrl: server.webSocketUrl }).toEqual({ url, webSocketUrl });
    expect(server.pid).not.toBe(pid);
    const after = await wsconnect({ servers: webSocketUrl });
    const manager = await jetstreamManager(after);
    const stored = await manager.streams.getMessage('JOBS', { seq: 1 });
    expect(stored?.string()).toBe('still here');
    await after.close();
  });

  it('restarts while it runs, and two restarts at the same time are one', async () => {
    const server = await start();
    await Promise.all([server.restart(), server.restart()]);
    const nats = await connect({ servers: server.url });
    await nats.close();
  });

  it('leaves no process and no file after its stop, even when it is frozen', async () => {
    const server = await start();
    const { pid, logFile } = server;
    await server.kill('SIGSTOP');
    await Promise.all([server.stop(), server.stop()]);
    expect(await isRunning(pid)).toBe(false);
    await expect(access(dirname(logFile))).rejects.toThrow('ENOENT');
    await expect(server.restart()).rejects.toThrow('stopped');
  });

  it('keeps a store and a log that it was given', async () => {
    const directory = await temporaryDirectory();
    const storeDir = join(directory, 'store');
    const logFile = join(directory, 'nats.log');
    const server = await start({ storeDir, logFile });
    await server.stop();
    expect(await readdir(storeDir)).toEqual(['jetstream']);
    expect(await readFile(logFile, 'utf8')).toContain('Server is ready');
  });

  it('uses the ports that it was given, and names the port that is taken', async () => {
    const { url } = await start();
    const port = Number(new URL(url).port);
    await expect(start({ port })).rejects.toThrow(/address already in use/);
  });

  it('accepts more configuration, and says what is wrong with it', async () => {
    const authorization = 'authorization { user: tester, password: secret }';
    const server = await start({ extraConfig: authorization, jetStreamConfig: 'max_file_store: 10MB' });
    await expect(connect({ servers: server.url })).rejects.toThrow(/authorization/i);
    const nats = await connect({ servers: server.url, user: 'tester', pass: 'secret' });
    await nats.close();
    await expect(start({ extraConfig: 'nonsense: 1' })).rejects.toThrow(/unknown field "nonsense"/);
  });

  it.each<NodeJS.Signals>(['SIGKILL', 'SIGINT'])(
    'dies with its parent when the parent gets %s',
    async (signal) => {
      const module = fileURLToPath(new URL('../../../dev/nats-server/start.ts', import.meta.url));
      const script = `
      import { startNatsServer } from ${JSON.stringify(module)};
      const { pid } = await startNatsServer({ binary: ${JSON.stringify(testNatsBinary().path)} });
      process.stdout.write(String(pid));`;
      const parent = spawn(process.execPath, ['--input-type=module', '--eval', script], {
        stdio: ['ignore', 'pipe', 'inherit'],
      });
      const [output] = await once(parent.stdout, 'data');
      const pid = Number(String(output));
      expect(await isRunning(pid)).toBe(true);
      parent.kill(signal);
      await expect.poll(() => isRunning(pid), { timeout: 60_000 }).toBe(false);
    },
  );
});

describe('locating a nats-server', () => {
  /** A program with that name that only answers --version. */
  async function fakeBinary(path: string, version: string): Promise<void> {
    await mkdir(dirname(path), { recursive: true });
    await writeFile(path, `#!/bin/sh\necho "nats-server: v${version}"\n`);
    await chmod(path, 0o755);
  }

  async function bench(): Promise<{
    cacheDir: string;
    bin: string;
    options: LocateOptions;
    lines: string[];
  }> {
    const directory = await temporaryDirectory();
    const cacheDir = join(directory, 'cache');
    const bin = join(directory, 'bin');
    await mkdir(bin);
    const lines: string[] = [];
    const log = (line: string): void => void lines.push(line);
    return { cacheDir, bin, lines, options: { environment: { PATH: bin }, cacheDir, log } };
  }

  it('prefers one on PATH that is new enough', async () => {
    const { bin, options } = await bench();
    await fakeBinary(join(bin, 'nats-server'), '2.14.0');
    const path = join(bin, 'nats-server');
    expect(await locateNatsServer(options)).toEqual({ path, version: '2.14.0', source: 'path' });
  });

  it('prefers the cached one to an older one on PATH', async () => {
    const { bin, cacheDir, options } = await bench();
    await fakeBinary(join(bin, 'nats-server'), '2.12.15');
    const path = join(cacheDir, 'nats-server', 'v2.14.5', 'nats-server');
    await fakeBinary(path, '2.14.5');
    expect(await locateNatsServer(options)).toEqual({ path, version: '2.14.5', source: 'cache' });
  });

  it('takes exactly the version that it was asked for, and no other', async () => {
    const { bin, cacheDir, options } = await bench();
    await fakeBinary(join(bin, 'nats-server'), '2.15.0');
    const path = join(cacheDir, 'nats-server', 'v2.12.15', 'nats-server');
    await fakeBinary(path, '2.12.15');
    const located = await locateNatsServer({ ...options, version: '2.12.15' });
    expect(located).toEqual({ path, version: '2.12.15', source: 'cache' });
    await expect(locateNatsServer({ ...options, version: '2.15.2' })).rejects.toThrow(
      /No nats-server 2\.15\.2 was found.*is 2\.15\.0.*no checksum for 2\.15\.2.*Go is not installed/s,
    );
  });

  it('does not use a cached one of another version than the pinned one', async () => {
    const { cacheDir, options } = await bench();
    await fakeBinary(join(cacheDir, 'nats-server', 'v2.14.5', 'nats-server'), '2.14.4');
    const failing = locateNatsServer({ ...options, sources: ['cache'] });
    await expect(failing).rejects.toThrow(/cache +.* is 2\.14\.4/);
  });

  it('uses an older one on PATH when it finds no newer one, and says what that means', async () => {
    const { bin, lines, options } = await bench();
    await fakeBinary(join(bin, 'nats-server'), '2.9.10');
    const located = await locateNatsServer({ ...options, sources: ['path', 'cache', 'go', 'debian'] });
    expect(located).toMatchObject({ version: '2.9.10', source: 'path' });
    expect(lines.join('\n')).toContain('delayed jobs');
  });

  it('lists what was tried and how to mend it when nothing works', async () => {
    const { bin, cacheDir, options } = await bench();
    await fakeBinary(join(bin, 'nats-server'), '2.8.4');
    const url = 'http://127.0.0.1:9/nats-server.tar.gz';
    const failing = locateNatsServer({ ...options, release: { url, sha256: '' } });
    const message = await failing.then(String, (error: Error) => error.message);
    expect(message).toMatch(/path +.*2\.8\.4, older than 2\.9/);
    expect(message).toMatch(/release +http:\/\/127\.0\.0\.1:9/);
    expect(message).toMatch(/go +Go is not installed/);
    expect(message).toMatch(/debian +apt-get is not on this machine/);
    expect(message).toContain(`put the nats-server 2.14.5 binary at ${cacheDir}`);
  });

  it('says so when the cache cannot be written', async () => {
    const { bin, options } = await bench();
    const file = join(bin, 'a-file');
    await writeFile(file, '');
    await expect(locateNatsServer({ ...options, cacheDir: file })).rejects.toThrow(/cannot be used: ENOTDIR/);
  });

  describe('from a release host', () => {
    /** Serves an archive made like the real one, with a server in it that only answers --version. */
    async function releaseHost(): Promise<{ url: string; sha256: string; downloads: () => number }> {
      const directory = await temporaryDirectory();
      await fakeBinary(join(directory, 'nats-server-v2.14.5-linux-amd64', 'nats-server'), '2.14.5');
      const tar = spawn('tar', ['-czf', 'release.tar.gz', 'nats-server-v2.14.5-linux-amd64'], {
        cwd: directory,
      });
      await once(tar, 'close');
      const archive = await readFile(join(directory, 'release.tar.gz'));
      let downloads = 0;
      const host: Server = createServer((_request, response) => {
        downloads++;
        response.end(archive);
      });
      host.listen(0, '127.0.0.1');
      await once(host, 'listening');
      onTestFinished(() => void host.close());
      const { port } = host.address() as AddressInfo;
      const sha256 = createHash('sha256').update(archive).digest('hex');
      return { url: `http://127.0.0.1:${port}/release.tar.gz`, sha256, downloads: () => downloads };
    }

    it('several callers at the same time download it once, and get the same path', async () => {
      const { cacheDir, options } = await bench();
      const { downloads, ...release } = await releaseHost();
      const sources = ['cache', 'release'] as const;
      const calls = Array.from({ length: 4 }, () => locateNatsServer({ ...options, release, sources }));
      const located = await Promise.all(calls);
      expect(new Set(located.map(({ path }) => path))).toHaveLength(1);
      expect(located.map(({ source }) => source).sort()).toEqual(['cache', 'cache', 'cache', 'release']);
      expect(downloads()).toBe(1);
      expect(await readdir(join(cacheDir, 'nats-server'))).toEqual(['v2.14.5']);
    });

    it('a lock of a killed process is taken over, also by several callers at the same time', async () => {
      const { cacheDir, options } = await bench();
      const { downloads, ...release } = await releaseHost();
      const lock = join(cacheDir, 'nats-server', 'lock');
      await mkdir(lock, { recursive: true });
      await utimes(lock, 0, 0);
      const calls = Array.from({ length: 2 }, () => locateNatsServer({ ...options, release }));
      const [first, second] = await Promise.all(calls);
      expect(first?.path).toBe(second?.path);
      expect(downloads()).toBeGreaterThan(0);
      expect(await readdir(join(cacheDir, 'nats-server'))).toEqual(['v2.14.5']);
    });

    it('refuses an archive with another checksum', async () => {
      const { cacheDir, lines, options } = await bench();
      const { url } = await releaseHost();
      const release = { url, sha256: '0'.repeat(64) };
      const failing = locateNatsServer({ ...options, release, sources: ['cache', 'release'] });
      await expect(failing).rejects.toThrow(/release +checksum mismatch, file refused/);
      expect(lines.join('\n')).toContain('checksum mismatch');
      expect(await readdir(join(cacheDir, 'nats-server'))).toEqual([]);
    });
  });
});
