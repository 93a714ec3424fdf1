import { randomInt } from 'node:crypto';
import { readFile, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir, userInfo } from 'node:os';
import path from 'node:path';
import { makeFolder } from '../../create/make-folder.ts';

// Lower than the ports that Linux (from 32768) and macOS (from 49152) give to outgoing connections. A port from that
// range can be lost while the server is down: a client that reconnects to it can even connect to itself.
const RANGE = { first: 20_000, last: 29_999 };
const TRIES = 50;

/** The first and the last port of a range. */
interface PortRange {
  readonly first: number;
  readonly last: number;
}

/**
 * Finds a port of 127.0.0.1 on which nobody listens, and claims it for as long as this process lives. So it stays free
 * until a server starts on it, and while that server restarts: other processes of this user that look for a port pass it by.
 * @throws Error if no port of the range is free
 */
export async function findFreePort({ first, last }: PortRange = RANGE): Promise<number> {
  for (let tried = 0; tried < TRIES; tried++) {
    const port = randomInt(first, last + 1);
    if ((await claim(port)) && (await isFreePort(port))) return port;
  }
  throw new Error(`no free port found between ${first} and ${last} after ${TRIES} tries`);
}

/** A claim is a file with the id of the process in it. The claim of a process that has ended is removed. */
async function claim(port: number): Promise<boolean> {
  const folder = path.join(tmpdir(), `throughline-ports-${userInfo().uid}`);
  const file = path.join(folder, String(port));
  await makeFolder(folder);
  try {
    await writeFile(file, String(process.pid), { flag: 'wx' });
    return true;
  } catch (thrown) {
    if (!(thrown instanceof Error && 'code' in thrown && thrown.code === 'EEXIST')) throw thrown;
    const owner = Number(await readFile(file, 'utf8').catch(() => ''));
    if (!isAlive(owner)) await rm(file, { force: true });
    return false;
  }
}

function isAlive(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch {
    return false;
  }
}

/** Whether nobody listens on a port of 127.0.0.1. */
export function isFreePort(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const probe = createServer();
    probe.once('error', () => resolve(false));
    probe.listen(port, '127.0.0.1', () => probe.close(() => resolve(true)));
  });
}
