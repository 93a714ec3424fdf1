import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net';
import { setTimeout as pause } from 'node:timers/promises';

const HOST = '127.0.0.1';
/** The edge has sent what it can if nothing came for so long. What is too short counts too many round trips, and never too few. */
const QUIET_MS = 120;

interface Held {
  readonly to: Socket;
  readonly bytes: Buffer;
}

/**
 * A TCP proxy before NATS that counts for how many answers a request waits one after the other. While it counts, it holds all
 * that the edge sends, until the edge has nothing more to send; then it lets all of it through at once, which is one round trip. So
 * what the edge asks at once is one round trip, and what it asks because of an answer is another one. What NATS sends is not held.
 */
export class RoundTripCounter {
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();
  readonly #held: Held[] = [];
  #isCounting = false;
  #lastAt = 0;

  private constructor(targetPort: number) {
    this.#server = createServer((client) => {
      const target = connect(targetPort, HOST);
      this.#join(client, target, (bytes) => this.#take({ to: target, bytes }));
      this.#join(target, client, (bytes) => client.write(bytes));
    });
  }

  static async start(targetPort: number): Promise<RoundTripCounter> {
    const counter = new RoundTripCounter(targetPort);
    counter.#server.listen(0, HOST);
    await once(counter.#server, 'listening');
    return counter;
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port;
  }

  /**
   * Counts the round trips of a request. Other work of the edge meanwhile moves along with it. If it goes on for longer, it counts too:
   * the count may be too high, and is never too low.
   * @param turn resolves when the edge has had a turn since
   */
  async count(send: () => Promise<unknown>, turn: () => Promise<unknown>): Promise<number> {
    await this.#quiet(turn);
    this.#isCounting = true;
    const request = send();
    let isOpen = true;
    const settled = request.finally(() => (isOpen = false)).catch(() => undefined);
    let roundTrips = 0;
    try {
      for (;;) {
        this.#lastAt = performance.now();
        await Promise.race([settled, this.#quiet(turn)]);
        if (!isOpen) break;
        if (this.#held.length > 0) roundTrips++;
        this.#release();
      }
    } finally {
      this.#isCounting = false;
      this.#release();
    }
    await request;
    return roundTrips;
  }

  /** Closes the listener and every connection. */
  async stop(): Promise<void> {
    for (const socket of this.#sockets) socket.destroy();
    this.#server.close();
    await once(this.#server, 'close');
  }

  /** Waits until the edge has nothing more to send: it had a turn after the last piece, and a while has passed. */
  async #quiet(turn: () => Promise<unknown>): Promise<void> {
    for (;;) {
      const last = this.#lastAt;
      await turn();
      await pause(Math.max(0, last + QUIET_MS - performance.now()));
      await turn();
      if (this.#lastAt === last) return;
    }
  }

  #take(held: Held): void {
    this.#lastAt = performance.now();
    if (this.#isCounting) this.#held.push(held);
    else held.to.write(held.bytes);
  }

  #release(): void {
    for (const { to, bytes } of this.#held.splice(0)) if (to.writable) to.write(bytes);
  }

  #join(from: Socket, to: Socket, take: (bytes: Buffer) => void): void {
    this.#sockets.add(from.setNoDelay(true));
    from.on('data', take);
    from.on('error', () => to.destroy());
    from.on('close', () => {
      this.#sockets.delete(from);
      to.destroy();
    });
  }
}
