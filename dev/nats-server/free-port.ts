import { randomInt } from 'node:crypto';
import { createServer } from 'node:net';

// Lower than the ports that Linux (from 32768) and macOS (from 49152) give to outgoing connections. A port from that
// range can be lost while the server is down: a client that reconnects to it can even connect to itself.
const FIRST = 20_000;
const LAST = 29_999;
const TRIES = 50;

/** Finds a port of 127.0.0.1 on which nobody listens now. It stays free when the server restarts. */
export async function findFreePort(): Promise<number> {
  for (let tried = 0; tried < TRIES; tried++) {
    const port = randomInt(FIRST, LAST + 1);
    if (await canListen(port)) return port;
  }
  throw new Error(`no free port found between ${FIRST} and ${LAST} after ${TRIES} tries`);
}

function canListen(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const probe = createServer();
    probe.once('error', () => resolve(false));
    probe.listen(port, '127.0.0.1', () => probe.close(() => resolve(true)));
  });
}
