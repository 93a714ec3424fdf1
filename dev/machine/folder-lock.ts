import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { realpath, rm } from 'node:fs/promises';
import { connect, createServer, type Server } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { makeFolder } from '../../create/make-folder.ts';
import { ThroughlineError } from '../../shared/errors.ts';
import { fileFault } from '../../shared/text/file-fault.ts';

/**
 * Takes a folder for this process alone. It makes the folder if there is none.
 *
 * The lock is a socket on which this process listens. However the process ends, nobody listens any more, and the next
 * process takes the folder.
 * @returns a function that gives the folder back
 * @throws ThroughlineError `config-invalid` if another process has it, or if it cannot be made
 */
export async function lockFolder(folder: string): Promise<() => Promise<void>> {
  if (folder === '') throw new ThroughlineError('config-invalid', 'the folder to keep has no name');
  await makeFolder(folder).catch((cause: unknown) => {
    throw new ThroughlineError('config-invalid', `${folder} cannot be made: ${fileFault(cause)}`, { cause });
  });
  const socket = await socketFor(folder);
  // A process that was killed leaves the file of its socket.
  const server =
    (await listen(socket)) ?? ((await isAnswered(socket)) ? undefined : await listenAgain(socket));
  if (server === undefined)
    throw new ThroughlineError(
      'config-invalid',
      `${folder} is in use by another stack; stop that one, or name another folder`,
    );
  server.unref();
  return async () => {
    server.close();
    await once(server, 'close');
  };
}

/** The path of a socket has at most about 100 bytes, so it cannot be in the folder. */
async function socketFor(folder: string): Promise<string> {
  const name = createHash('sha256')
    .update(await realpath(folder))
    .digest('hex')
    .slice(0, 32);
  return path.join(tmpdir(), `throughline-${name}.sock`);
}

/** @returns undefined if the file of the socket is there */
async function listen(socket: string): Promise<Server | undefined> {
  const server = createServer((caller) => caller.destroy());
  server.listen(socket);
  try {
    await once(server, 'listening');
    return server;
  } catch (thrown) {
    if (thrown instanceof Error && 'code' in thrown && thrown.code === 'EADDRINUSE') return undefined;
    throw thrown;
  }
}

async function listenAgain(socket: string): Promise<Server | undefined> {
  await rm(socket, { force: true });
  return await listen(socket);
}

async function isAnswered(socket: string): Promise<boolean> {
  const caller = connect(socket);
  try {
    await once(caller, 'connect');
    return true;
  } catch {
    return false;
  } finally {
    caller.destroy();
  }
}
