import { readdir, readFile } from 'node:fs/promises';
import { connect } from 'node:net';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';

const POLL_MS = 10;

/** What the server says about itself when a client connects. */
export interface ServerInfo {
  version: string;
  jetstream: boolean;
}

/**
 * Waits until the server accepts clients on all its ports.
 *
 * nats-server starts JetStream first, then its listeners, and then writes a file into `portsDir`. So the port in that
 * file belongs to this server and to no other process.
 * @returns what the server says about itself
 */
export async function waitUntilReady(portsDir: string, signal: AbortSignal): Promise<ServerInfo> {
  for (;;) {
    const port = await readClientPort(portsDir);
    if (port !== undefined) return readServerInfo(port, signal);
    await sleep(POLL_MS, undefined, { signal });
  }
}

async function readClientPort(portsDir: string): Promise<number | undefined> {
  const file = (await readdir(portsDir)).find((name) => name.endsWith('.ports'));
  if (file === undefined) return undefined;
  try {
    const { nats }: { nats: string[] } = JSON.parse(await readFile(join(portsDir, file), 'utf8'));
    return nats[0] === undefined ? undefined : Number(new URL(nats[0]).port);
  } catch {
    return undefined; // The server is still writing it.
  }
}

/** Reads the line `INFO {…}` that a NATS server sends to each new client. */
function readServerInfo(port: number, signal: AbortSignal): Promise<ServerInfo> {
  return new Promise((resolve, reject) => {
    const socket = connect({ host: '127.0.0.1', port, signal });
    let greeting = '';
    socket.setEncoding('utf8');
    socket.on('data', (text) => {
      greeting += text;
      const info = /^INFO (.*)\r\n/.exec(greeting)?.[1];
      if (info === undefined) return;
      socket.destroy();
      const { version, jetstream = false }: { version: string; jetstream?: boolean } = JSON.parse(info);
      resolve({ version, jetstream });
    });
    socket.once('error', reject);
    socket.once('close', () => reject(new Error('the server closed the connection before its INFO line')));
  });
}
