import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net';

const HOST = '127.0.0.1';

interface UnderWay {
  readonly bytes: Buffer;
  /** When it arrives, by `performance.now()`. */
  readonly dueMs: number;
}

/**
 * A TCP proxy on 127.0.0.1 that puts a distance between two programs. Each piece of data waits on its own clock, as on a long
 * line: pieces that are sent together arrive together, half a round trip later.
 */
export class DistanceProxy {
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();
  #oneWayMs = 0;

  private constructor(targetPort: number) {
    this.#server = createServer((client) => {
      const target = connect(targetPort, HOST);
      this.#carry(client, target);
      this.#carry(target, client);
    });
  }

  static async start(targetPort: number): Promise<DistanceProxy> {
    const proxy = new DistanceProxy(targetPort);
    proxy.#server.listen(0, HOST);
    await once(proxy.#server, 'listening');
    return proxy;
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port;
  }

  /** Sets the time of a round trip, in milliseconds. */
  setRoundTrip(ms: number): void {
    this.#oneWayMs = ms / 2;
  }

  /** Closes the listener and every connection. */
  async stop(): Promise<void> {
    for (const socket of this.#sockets) socket.destroy();
    this.#server.close();
    await once(this.#server, 'close');
  }

  #carry(from: Socket, to: Socket): void {
    this.#sockets.add(from.setNoDelay(true));
    const underWay: UnderWay[] = [];
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
      underWay.push({ bytes, dueMs: Math.max(last, performance.now() + this.#oneWayMs) });
      if (underWay.length === 1) setTimeout(deliver, this.#oneWayMs);
    });
    from.on('error', () => to.destroy());
    from.on('close', () => {
      this.#sockets.delete(from);
      to.destroy();
    });
  }
}
