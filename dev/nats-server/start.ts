import { mkdir, mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { renderConfig, type ServerConfig, type ServerPlace } from './config-file.ts';
import { findFreePort } from './free-port.ts';
import { type ServerInfo, waitUntilReady } from './ready.ts';
import { type ServerProcess, spawnServer } from './server-process.ts';

const READY_TIMEOUT_MS = 20_000;
const STOP_TIMEOUT_MS = 5_000;
const PORT_TRIES = 5;
/** How long `restart` waits for its ports when somebody took one while the server was down. */
const PORT_PATIENCE_MS = 10_000;

export interface NatsServerOptions {
  /** From `locateNatsServer`. */
  binary: string;
  /** For clients over TCP; 0 or absent: a free one. */
  port?: number;
  /** For clients over WebSocket; 0 or absent: a free one. */
  webSocketPort?: number;
  /** Where JetStream keeps its streams; absent: a temporary directory, removed by `stop`. */
  storeDir?: string;
  /** More lines for the `jetstream` block, for example `sync_interval: always`. */
  jetStreamConfig?: string;
  /** More top-level configuration, for example accounts. */
  extraConfig?: string;
  /** A configuration of one's own; `jetStreamConfig` and `extraConfig` are not used then. */
  configure?: (place: ServerPlace, directory: string) => ServerConfig;
  /** Appended to; absent: a temporary file, removed by `stop`. */
  logFile?: string;
}

/** A local nats-server with JetStream and WebSockets, on 127.0.0.1. */
export interface NatsServer {
  /** Of the current run; another one after `restart`. */
  readonly pid: number;
  readonly version: string;
  readonly url: string;
  readonly webSocketUrl: string;
  readonly logFile: string;
  /** Settles when the current run ends: with the exit code, or null when a signal ended it. */
  readonly exited: Promise<number | null>;
  /** Ends the server (SIGTERM, then SIGKILL after 5 s) and removes its temporary files. Final, safe to repeat. */
  stop(): Promise<void>;
  /** Sends a signal (default SIGKILL); for one that ends the server, waits for the end. */
  kill(signal?: NodeJS.Signals): Promise<void>;
  /** Starts it again with the same ports and the same store, ending the current run first if there is one. */
  restart(): Promise<void>;
}

/** Starts a nats-server and waits until it serves clients. It never outlives this process. */
export async function startNatsServer(options: NatsServerOptions): Promise<NatsServer> {
  const directory = await mkdtemp(join(tmpdir(), 'throughline-nats-'));
  const server = new LocalNatsServer(options, directory);
  try {
    await server.start();
    return server;
  } catch (error) {
    await server.stop();
    throw error;
  }
}

interface Ports {
  client: number;
  webSocket: number;
}

class LocalNatsServer implements NatsServer {
  readonly logFile: string;
  readonly #options: NatsServerOptions;
  readonly #directory: string;
  readonly #storeDir: string;
  #ports: Ports = { client: 0, webSocket: 0 };
  #process: ServerProcess | undefined;
  #info: ServerInfo | undefined;
  #restarting: Promise<void> | undefined;
  #stopping: Promise<void> | undefined;

  constructor(options: NatsServerOptions, directory: string) {
    this.#options = options;
    this.#directory = directory;
    this.#storeDir = options.storeDir ?? join(directory, 'store');
    this.logFile = options.logFile ?? join(directory, 'nats-server.log');
  }

  get pid(): number {
    return this.#current.pid;
  }

  get version(): string {
    return this.#info?.version ?? 'unknown';
  }

  get url(): string {
    return `nats://127.0.0.1:${this.#ports.client}`;
  }

  get webSocketUrl(): string {
    return `ws://127.0.0.1:${this.#ports.webSocket}`;
  }

  get exited(): Promise<number | null> {
    return this.#current.exited;
  }

  async start(): Promise<void> {
    const { port = 0, webSocketPort = 0 } = this.#options;
    for (let tried = 1; ; tried++) {
      this.#ports = {
        client: port === 0 ? await findFreePort() : port,
        webSocket: webSocketPort === 0 ? await findFreePort() : webSocketPort,
      };
      try {
        return await this.#launch();
      } catch (error) {
        // Between the look and the launch another process may have taken a port: look again.
        const mayChoose = port === 0 || webSocketPort === 0;
        if (!isPortTaken(error) || !mayChoose || tried === PORT_TRIES) throw error;
      }
    }
  }

  restart(): Promise<void> {
    this.#restarting ??= this.#relaunch().finally(() => {
      this.#restarting = undefined;
    });
    return this.#restarting;
  }

  async kill(signal: NodeJS.Signals = 'SIGKILL'): Promise<void> {
    const current = this.#current;
    current.signal(signal);
    if (['SIGKILL', 'SIGTERM', 'SIGINT'].includes(signal)) await current.exited;
  }

  stop(): Promise<void> {
    this.#stopping ??= this.#end();
    return this.#stopping;
  }

  async #end(): Promise<void> {
    await this.#terminate();
    // A restart may be under way: it fails, or it ends with a new run.
    await this.#restarting?.catch(() => undefined);
    await this.#terminate();
    await rm(this.#directory, { recursive: true, force: true });
  }

  async #relaunch(): Promise<void> {
    await this.#terminate();
    const deadline = Date.now() + PORT_PATIENCE_MS;
    for (;;) {
      try {
        return await this.#launch();
      } catch (error) {
        if (!isPortTaken(error) || Date.now() > deadline) throw error;
        await sleep(100);
      }
    }
  }

  async #launch(): Promise<void> {
    if (this.#stopping !== undefined) throw new Error('this nats-server was stopped: start a new one');
    const portsDir = join(this.#directory, 'ports');
    const config = join(this.#directory, 'nats.conf');
    // A killed server leaves its ports file behind.
    await rm(portsDir, { recursive: true, force: true });
    await mkdir(portsDir);
    await mkdir(this.#storeDir, { recursive: true });
    const { text, environment } = this.#configOf(portsDir);
    await writeFile(config, text);
    const logStart = await sizeOf(this.logFile);
    const { binary } = this.#options;
    const args = ['--config', config];
    const current = await spawnServer(binary, args, this.logFile, this.#directory, environment);
    this.#process = current;
    try {
      this.#info = await this.#ready(current, portsDir);
    } catch (error) {
      await this.#terminate();
      throw startFailure(error, await readFrom(this.logFile, logStart));
    }
  }

  #configOf(portsDir: string): ServerConfig {
    const { jetStreamConfig, extraConfig, configure } = this.#options;
    const { client: port, webSocket: webSocketPort } = this.#ports;
    const place = { port, webSocketPort, storeDir: this.#storeDir, portsDir };
    return (
      configure?.(place, this.#directory) ?? {
        text: renderConfig({ ...place, jetStreamConfig, extraConfig }),
      }
    );
  }

  async #ready(current: ServerProcess, portsDir: string): Promise<ServerInfo> {
    const over = new AbortController();
    const timeout = AbortSignal.timeout(READY_TIMEOUT_MS);
    void current.exited.then((code) => over.abort(new Error(`it exited with ${code ?? 'a signal'}`)));
    const signal = AbortSignal.any([over.signal, timeout]);
    const info = await waitUntilReady(portsDir, signal).catch((error: unknown) => {
      if (over.signal.aborted) throw over.signal.reason;
      throw timeout.aborted ? new Error(`not ready within ${READY_TIMEOUT_MS / 1000} s`) : error;
    });
    if (!info.jetstream) throw new Error('JetStream is off');
    return info;
  }

  async #terminate(): Promise<void> {
    const current = this.#process;
    if (current === undefined || !current.running) return;
    current.signal('SIGTERM');
    // A process that a test has frozen with SIGSTOP would not see the SIGTERM.
    current.signal('SIGCONT');
    const timer = setTimeout(() => current.signal('SIGKILL'), STOP_TIMEOUT_MS);
    await current.exited;
    clearTimeout(timer);
  }

  get #current(): ServerProcess {
    if (this.#process === undefined) throw new Error('the nats-server was not started');
    return this.#process;
  }
}

async function sizeOf(file: string): Promise<number> {
  return stat(file).then(
    ({ size }) => size,
    () => 0,
  );
}

async function readFrom(file: string, offset: number): Promise<string> {
  const bytes = await readFile(file).catch(() => Buffer.alloc(0));
  return bytes.subarray(offset).toString();
}

/** What went wrong, with the end of what the server wrote in this run. */
function startFailure(cause: unknown, log: string): Error {
  const reason = cause instanceof Error ? cause.message : String(cause);
  const tail = log.trimEnd().split('\n').slice(-12).join('\n');
  return new Error(`nats-server did not start: ${reason}; the end of its log:\n${tail}`, { cause });
}

/** nats-server tells only in its log that a port was taken. */
function isPortTaken(error: unknown): boolean {
  return error instanceof Error && error.message.includes('address already in use');
}
