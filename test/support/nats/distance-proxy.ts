import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';
import { onTestFinished } from 'vitest';

const HOST = '127.0.0.1';

/** A TCP proxy that puts a distance between two programs. */
export interface DistanceProxy {
  readonly port: number;
  /** Sets the time of a round trip, in milliseconds. Half of it passes in each direction. */
  setRoundTrip(ms: number): void;
}

/**
 * Starts a proxy for one test. Each piece of data waits on its own clock, as on a long line: many pieces that are sent together
 * arrive together, half a round trip later.
 */
export async function startDistanceProxy(targetPort: number): Promise<DistanceProxy> {
  let oneWayMs = 0;
  const sockets = new Set<Socket>();
  const carry = (from: Socket, to: Socket): void => {
    sockets.add(from.setNoDelay(true));
    const underWay: { readonly bytes: Buffer; readonly dueMs: number }[] = [];
    const deliver = (): void => {
      // Timers of different lengths may fire late. Nothing overtakes what was sent before it.
      for (let [next] = underWay; next !== undefined && next.dueMs <= performance.now(); [next] = underWay) {
        underWay.shift();
        if (to.writable) to.write(next.bytes);
      }
      const [next] = underWay;
      if (next !== undefined) setTimeout(deliver, Math.ceil(next.dueMs - performance.now()));
    };
    from.on('data', (bytes) => {
      const last = underWay.at(-1)?.dueMs ?? 0;
      underWay.push({ bytes, dueMs: Math.max(last, performance.now() + oneWayMs) });
      if (underWay.length === 1) setTimeout(deliver, oneWayMs);
    });
    from.on('error', () => to.destroy());
    from.on('close', () => {
      sockets.delete(from);
      to.destroy();
    });
  };
  const server = createServer((client) => {
    const target = connect(targetPort, HOST);
    carry(client, target);
    carry(target, client);
  });
  server.listen(0, HOST);
  await once(server, 'listening');
  onTestFinished(async () => {
    for (const socket of sockets) socket.destroy();
    server.close();
    await once(server, 'close');
  });
  return {
    port: (server.address() as AddressInfo).port,
    setRoundTrip: (ms) => {
      oneWayMs = ms / 2;
    },
  };
}
