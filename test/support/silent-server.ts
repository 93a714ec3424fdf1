import { once } from 'node:events';
import { type AddressInfo, createServer, type Socket } from 'node:net';
import { atEndOfFile } from './cleanup.ts';

/** A host that takes connections and never says a word, as one behind a broken firewall does. @returns its host and port */
export async function silentServer(): Promise<string> {
  const sockets = new Set<Socket>();
  const server = createServer((socket) => {
    sockets.add(socket.on('error', () => undefined));
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  atEndOfFile(() => {
    for (const socket of sockets) socket.destroy();
    server.close();
  });
  return `127.0.0.1:${(server.address() as AddressInfo).port}`;
}
