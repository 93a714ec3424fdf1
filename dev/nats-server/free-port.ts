import { randomInt } from 'node:crypto';
import { createServer } from 'node:net';

// Linux (from 32768) and macOS (from 49152) take the ports of outgoing connections from higher ranges. Such a port can
// be taken while the server is down, even by a client that tries to reconnect and then is connected to itself.
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
