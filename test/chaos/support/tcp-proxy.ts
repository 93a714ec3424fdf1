import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net';

const HOST = '127.0.0.1';

/** What a {@link TcpProxy} does with the bytes that arrive. */
type ProxyMode =
  /** Passes them on. */
  | { readonly kind: 'pass' }
  /** Passes them on after `ms`, and up to `jitterMs` more. Bytes stay in order. */
  | { readonly kind: 'latency'; readonly ms: number; readonly jitterMs?: number }
  /** Passes at most so many bytes a second, in each direction of each connection. */
  | { readonly kind: 'slow'; readonly bytesPerSecond: number }
  /** Holds them back in both directions, with the connections open; `pass` lets them go. New connections wait too. */
  | { readonly kind: 'half-open' }
  /** Accepts new connections, which never get an answer; open ones are held back as in `half-open`. */
  | { readonly kind: 'blackhole' }
  /** Drops the bytes of the server, and passes on those of the client. */
  | { readonly kind: 'drop-replies' }
  /** Ends every open and new connection with a RST. */
  | { readonly kind: 'reset' }
  /** Passes on so many more bytes from client to server, over all connections, then ends that connection with a RST. */
  | { readonly kind: 'cut-after'; readonly bytes: number };

interface TcpProxyOptions {
  readonly targetPort: number;
  /** 0 or absent: a free one. */
  readonly port?: number;
  /** From 0 (inclusive) to 1 (exclusive), for the jitter. */
  readonly random?: () => number;
}

/**
 * A TCP proxy on 127.0.0.1 that misbehaves on demand. Its mode may change while connections are open.
 * Bytes are never reordered or invented; bytes that a mode drops are gone.
 */
export class TcpProxy {
  readonly #server: Server;
  #targetPort: number;
  readonly #random: () => number;
  readonly #links = new Set<Link>();
  #mode: ProxyMode = { kind: 'pass' };
  #accepted = 0;
  #bytesLeft = 0;

  private constructor({ targetPort, random = Math.random }: TcpProxyOptions) {
    this.#targetPort = targetPort;
    this.#random = random;
    this.#server = createServer({ allowHalfOpen: true }, (client) => this.#accept(client));
  }

  static async start(options: TcpProxyOptions): Promise<TcpProxy> {
    const proxy = new TcpProxy(options);
    proxy.#server.listen(options.port ?? 0, HOST);
    await once(proxy.#server, 'listening');
    return proxy;
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port;
  }

  get mode(): ProxyMode {
    return this.#mode;
  }

  /** How many connections are open on the client's side. */
  get connections(): number {
    return this.#links.size;
  }

  /** How many connections were accepted so far. */
  get accepted(): number {
    return this.#accepted;
  }

  /** Changes the mode, for open connections too. */
  set(mode: ProxyMode): void {
    this.#mode = mode;
    this.#bytesLeft = mode.kind === 'cut-after' ? mode.bytes : 0;
    if (mode.kind === 'reset') this.cutAll();
    for (const link of this.#links) link.wake();
  }

  /** Sends new connections to another port, as a load balancer does when a server is gone. */
  retarget(port: number): void {
    this.#targetPort = port;
  }

  /** Open connections stay open and carry nothing from now on; new ones follow the mode. */
  strand(): void {
    for (const link of this.#links) link.strand();
  }

  /** Ends every open connection with a RST; new ones follow the mode. */
  cutAll(): void {
    for (const link of this.#links) link.reset();
  }

  /** Closes the listener and every connection. */
  async stop(): Promise<void> {
    this.cutAll();
    if (!this.#server.listening) return;
    this.#server.close();
    await once(this.#server, 'close');
  }

  #accept(client: Socket): void {
    this.#accepted++;
    if (this.#mode.kind === 'reset') {
      client.on('error', () => undefined);
      client.resetAndDestroy();
      return;
    }
    const mute = this.#mode.kind === 'blackhole';
    const server = mute ? undefined : connect({ port: this.#targetPort, host: HOST, allowHalfOpen: true });
    const link: Link = new Link(client, server, {
      treat: (direction, size) => this.#treat(direction, size),
      onClose: () => this.#links.delete(link),
    });
    this.#links.add(link);
  }

  #treat(direction: Direction, size: number): Treatment {
    const mode = this.#mode;
    switch (mode.kind) {
      case 'pass':
        return { pass: size };
      case 'latency':
        return { pass: size, afterMs: mode.ms + this.#random() * (mode.jitterMs ?? 0) };
      case 'slow':
        return slowly(size, mode.bytesPerSecond);
      case 'drop-replies':
        return { pass: direction === 'up' ? size : 0, drop: direction === 'down' };
      case 'cut-after':
        return direction === 'up' ? this.#cut(size) : { pass: size };
      default:
        return { pass: 0 };
    }
  }

  #cut(size: number): Treatment {
    const pass = Math.min(size, this.#bytesLeft);
    this.#bytesLeft -= pass;
    return pass < size ? { pass, reset: true } : { pass };
  }
}

/** `up`: from the client to the server. */
type Direction = 'up' | 'down';

/** What to do with the first bytes of a direction. */
interface Treatment {
  /** How many bytes go on; 0: they wait for {@link Link.wake}. */
  readonly pass: number;
  readonly afterMs?: number;
  readonly drop?: boolean;
  readonly reset?: boolean;
}

interface LinkRules {
  readonly treat: (direction: Direction, size: number) => Treatment;
  readonly onClose: () => void;
}

const SLICES_PER_SECOND = 20;

function slowly(size: number, bytesPerSecond: number): Treatment {
  const slice = Math.max(1, Math.floor(bytesPerSecond / SLICES_PER_SECOND));
  const pass = Math.min(size, slice);
  return { pass, afterMs: (pass / bytesPerSecond) * 1_000 };
}

/** One proxied connection: two directions that end together. */
class Link {
  readonly #client: Socket;
  readonly #server: Socket | undefined;
  readonly #flows: Flow[];
  readonly #onClose: () => void;

  constructor(client: Socket, server: Socket | undefined, { treat, onClose }: LinkRules) {
    this.#client = client;
    this.#server = server;
    this.#onClose = onClose;
    const reset = (): void => this.reset();
    for (const socket of server === undefined ? [client] : [client, server]) {
      socket.setNoDelay(true);
      socket.on('error', reset);
      // The sockets allow half-open: they close after both directions ended. A destroyed side destroys the other.
      socket.on('close', (broken) => (broken ? this.reset() : this.#closeIfDone()));
    }
    this.#flows =
      server === undefined
        ? []
        : [
            new Flow(client, server, (size) => treat('up', size), reset),
            new Flow(server, client, (size) => treat('down', size), reset),
          ];
    // Without reading, the end of a client would not be noticed.
    if (server === undefined) client.resume().on('end', () => client.destroy());
  }

  wake(): void {
    for (const flow of this.#flows) flow.wake();
  }

  strand(): void {
    for (const flow of this.#flows) flow.stop();
  }

  reset(): void {
    this.strand();
    this.#client.resetAndDestroy();
    this.#server?.resetAndDestroy();
    this.#onClose();
  }

  #closeIfDone(): void {
    if (this.#client.destroyed && this.#server?.destroyed !== false) this.#onClose();
  }
}

/** One direction of a connection: a queue of bytes. The current mode of the proxy decides about the first of them. */
class Flow {
  readonly #to: Socket;
  readonly #treat: (size: number) => Treatment;
  readonly #reset: () => void;
  readonly #queue: Buffer[] = [];
  #ended = false;
  /** The last bytes were passed on; the connection is about to be reset. */
  #ending = false;
  #timer: NodeJS.Timeout | undefined;
  #stopped = false;

  constructor(from: Socket, to: Socket, treat: (size: number) => Treatment, reset: () => void) {
    this.#to = to;
    this.#treat = treat;
    this.#reset = reset;
    from.on('data', (bytes) => {
      this.#queue.push(bytes);
      this.#advance();
    });
    from.on('end', () => {
      this.#ended = true;
      this.#advance();
    });
  }

  /** The mode has changed: it decides again about the bytes that wait. */
  wake(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    this.#advance();
  }

  stop(): void {
    this.#stopped = true;
    clearTimeout(this.#timer);
  }

  #advance(): void {
    while (!this.#stopped && !this.#ending && this.#timer === undefined) {
      const [head] = this.#queue;
      if (head === undefined) {
        if (this.#ended) this.#to.end();
        return;
      }
      const treatment = this.#treat(head.length);
      if (treatment.drop) this.#queue.shift();
      else if (treatment.pass === 0 && !treatment.reset) return;
      else this.#carryOut(treatment);
    }
  }

  #carryOut({ pass, afterMs = 0, reset = false }: Treatment): void {
    const forward = (): void => {
      if (this.#stopped) return;
      const [head] = this.#queue;
      if (head !== undefined && pass > 0) {
        this.#to.write(head.subarray(0, pass));
        if (pass < head.length) this.#queue[0] = head.subarray(pass);
        else this.#queue.shift();
      }
      // Bytes that were passed on must be sent before the end is.
      if (reset) setImmediate(this.#reset);
    };
    this.#ending = reset;
    if (afterMs <= 0) {
      forward();
      return;
    }
    this.#timer = setTimeout(() => {
      this.#timer = undefined;
      forward();
      this.#advance();
    }, afterMs);
  }
}
