import { chmod, mkdir, stat, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { findWrk } from '../../../bench/load/wrk.ts';
import { startPostgres } from '../../../bench/peers/graphile.ts';
import { checkProgram, startServer } from '../../../bench/peers/server.ts';
import { scratchFolder } from '../../support/cleanup.ts';

const NO_LIBRARY = 'error while loading shared libraries: liblzf.so.1: cannot open shared object file';

/** Writes a program: a shell script. @returns its path */
async function program(name: string, script: string, folder?: string): Promise<string> {
  const file = path.join(folder ?? (await scratchFolder()), name);
  await writeFile(file, `#!/bin/sh\n${script}\n`);
  await chmod(file, 0o755);
  return file;
}

const brokenProgram = (name: string, folder?: string): Promise<string> =>
  program(name, `echo "${NO_LIBRARY}" >&2\nexit 127`, folder);

describe('the program of a peer', () => {
  it('that cannot start is named with its setting and its own last words', async () => {
    const redis = await brokenProgram('redis-server');
    await expect(checkProgram('REDIS_SERVER', redis)).rejects.toThrow(
      `REDIS_SERVER names a program that cannot start: ${redis} --version: ${NO_LIBRARY}`,
    );
  });

  it('that is not there is named with its setting', async () => {
    await expect(checkProgram('REDIS_SERVER', '/nowhere/redis-server')).rejects.toThrow(
      'REDIS_SERVER names a program that cannot start: /nowhere/redis-server --version: not found',
    );
  });

  it('that can start passes', async () => {
    await expect(checkProgram('REDIS_SERVER', await program('redis-server', 'echo v=8'))).resolves.toBe(
      undefined,
    );
  });
});

describe('the server of a peer', () => {
  const start = async (file: string, directory: string) =>
    await startServer({
      program: file,
      args: [],
      directory,
      isReady: (lines) => lines.includes('ready'),
    });

  it('that ends before it is ready gives an error with the last lines of both outputs, and leaves no folder', async () => {
    const directory = path.join(await scratchFolder(), 'data');
    await mkdir(directory);
    const file = await program('server', 'echo "the port is taken"\nexit 3');
    await expect(start(file, directory)).rejects.toThrow(
      `${file} ended with 3 before it was ready: the port is taken`,
    );
    await expect(stat(directory)).rejects.toThrow('ENOENT');
    const broken = await brokenProgram('server');
    await expect(start(broken, directory)).rejects.toThrow(
      `${broken} ended with 127 before it was ready: ${NO_LIBRARY}`,
    );
  });

  it('that is not there gives an error with its path', async () => {
    const directory = await scratchFolder();
    await expect(start('/nowhere/server', directory)).rejects.toThrow('/nowhere/server cannot start: spawn');
  });

  it('that is ready has a process id, and leaves no folder after it was stopped', async () => {
    const directory = path.join(await scratchFolder(), 'data');
    await mkdir(directory);
    const server = await start(await program('server', 'echo ready\nexec sleep 600'), directory);
    expect(server.pid).toBeGreaterThan(0);
    await server.stop('SIGKILL');
    await expect(stat(directory)).rejects.toThrow('ENOENT');
    expect(() => process.kill(server.pid, 0)).toThrow('ESRCH');
  });
});

describe('PostgreSQL', () => {
  it('that cannot start gives an error with its own last words, and no endless wait', async () => {
    const bin = await scratchFolder();
    // As root the programs run as another user.
    await chmod(bin, 0o755);
    const initdb = await brokenProgram('initdb', bin);
    await expect(startPostgres(bin)).rejects.toThrow(`${initdb} failed: ${NO_LIBRARY}`);
    await program('initdb', 'exit 0', bin);
    const postgres = await brokenProgram('postgres', bin);
    await expect(startPostgres(bin)).rejects.toThrow(
      `${postgres} ended with 127 before it was ready: ${NO_LIBRARY}`,
    );
  });
});

describe('wrk', () => {
  it('is the program that WRK names, or that on the PATH; without both there is none', async () => {
    // As wrk does it.
    const wrk = await program('wrk', 'echo "wrk 4.1.0 [epoll]"\nexit 1');
    expect(await findWrk({ WRK: wrk })).toEqual({ path: wrk, version: '4.1.0' });
    expect(await findWrk({ PATH: path.dirname(wrk) })).toEqual({ path: wrk, version: '4.1.0' });
    expect(await findWrk({ PATH: await scratchFolder() })).toBe(undefined);
  });

  it('that is there and cannot start is an error with its own last words', async () => {
    const wrk = await brokenProgram('wrk');
    await expect(findWrk({ WRK: wrk })).rejects.toThrow(
      `${wrk} is what WRK names, and cannot start: ${NO_LIBRARY}`,
    );
    await expect(findWrk({ PATH: path.dirname(wrk) })).rejects.toThrow(
      `${wrk} is on the PATH, and cannot start: ${NO_LIBRARY}`,
    );
    await expect(findWrk({ WRK: '/nowhere/wrk' })).rejects.toThrow(
      '/nowhere/wrk is what WRK names, and cannot start',
    );
  });
});
