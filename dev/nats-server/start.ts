import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { makeTemporaryFolder } from '../../create/temporary-folder.ts';
import { findFreePort } from '../machine/free-port.ts';
import { renderConfig, type ServerConfig, type ServerPlace } from './config.ts';
import type { ServerInfo } from './ready.ts';
import { endServer, isPortTaken, runServer, type ServerRun } from './run.ts';

const PORT_TRIES = 5;
/** How long `restart` waits when another process took a port while the server was down. */
const PORT_PATIENCE_MS = 10_000;
const PORT_POLL_MS = 100;

export interface NatsServerOptions {
  /** From `locateNatsServer`. */
  binary: string;
  /** For clients over TCP; 0 or absent: a free port. */
  port?: number;
  /** For clients over WebSocket; 0 or absent: a free port. */
  webSocketPort?: number;
  /** The folder for JetStream's streams; absent: a temporary one, which `stop` removes. */
  storeDir?: string;
  /** More lines for the `jetstream` block, for example `sync_interval: always`. */
  jetStreamConfig?: string;
  /** More top-level configuration, for example accounts. */
  extraConfig?: string;
  /** Makes the whole configuration; `jetStreamConfig` and `extraConfig` are not used then. */
  configure?: (place: ServerPlace, directory: string) => ServerConfig;
  /** The log is added at its end; absent: a temporary file, which `stop` removes. */
  logFile?: string;
}

/** A local nats-server with JetStream and WebSockets, on 127.0.0.1. */
export interface NatsServer {
  /** The process id of the current run; `restart` changes it. */
  readonly pid: number;
  readonly version: string;
  readonly url: string;
  readonly webSocketUrl: string;
  readonly logFile: string;
  /** Resolves when the current run ends: with the exit code, or with null when a signal ended it. */
  readonly exited: Promise<number | null>;
  /** Ends the server (SIGTERM, SIGKILL after 5 s) and removes its temporary files. It cannot start again. Safe to repeat. */
  stop(): Promise<void>;
  /** Sends a signal (default SIGKILL). If the signal ends the server, waits for the end. */
  kill(signal?: NodeJS.Signals): Promise<void>;
  /** Starts the server again on the same ports with the same store. Ends the current run first. */
  restart(): Promise<void>;
}

/** Starts a nats-server and waits until it serves clients. The server ends with this process. */
export async function startNatsServer(options: NatsServerOptions): Promise<NatsServer> {
  const directory = await makeTemporaryFolder('throughline-nats-');
  const server = new LocalNatsServer(options, directory);
  try {
    await server.start();
    return server;
  } catch (error) {
    await server.stop();
    throw error;
  }
}

class LocalNatsServer implements NatsServer {
  readonly logFile: string;
  readonly #options: NatsServerOptions;
  readonly #directory: string;
  #place: ServerPlace;
  #run: ServerRun | undefined;
  #info: ServerInfo | undefined;
  #restarting: Promise<void> | undefined;
  #stopping: Promise<void> | undefined;

  constructor(options: NatsServerOptions, directory: string) {
    this.#options = options;
    this.#directory = directory;
    this.#place = {
      port: 0,
      webSocketPort: 0,
      storeDir: options.storeDir ?? join(directory, 'store'),
      portsDir: join(directory, 'ports'),
    };
    this.logFile = options.logFile ?? join(directory, 'nats-server.log');
  }

  get pid(): number {
    return this.#current.child.pid;
  }

  get version(): string {
    return this.#info?.version ?? 'unknown';
  }

  get url(): string {
    return `nats://127.0.0.1:${this.#place.port}`;
  }

  get webSocketUrl(): string {
    return `ws://127.0.0.1:${this.#place.webSocketPort}`;
  }

  get exited(): Promise<number | null> {
    return this.#current.child.exited;
  }

  async start(): Promise<void> {
    const { port = 0, webSocketPort = 0 } = this.#options;
    const mayChoose = port === 0 || webSocketPort === 0;
    for (let tried = 1; ; tried++) {
      this.#place = {
        ...this.#place,
        port: port === 0 ? await findFreePort() : port,
        webSocketPort: webSocketPort === 0 ? await findFreePort() : webSocketPort,
      };
      try {
        return await this.#launch();
      } catch (error) {
        // Another process may have taken the port after it was found free: look for another one.
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
    const { child } = this.#current;
    child.signal(signal);
    if (['SIGKILL', 'SIGTERM', 'SIGINT'].includes(signal)) await child.exited;
  }

  stop(): Promise<void> {
    this.#stopping ??= this.#end();
    return this.#stopping;
  }

  async #end(): Promise<void> {
    await this.#terminate();
    // If a restart is under way, it fails, or it starts a new run.
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
        await sleep(PORT_POLL_MS);
      }
    }
  }

  async #launch(): Promise<void> {
    if (this.#stopping !== undefined) throw new Error('this nats-server was stopped: start a new one');
    const { binary, jetStreamConfig, extraConfig, configure } = this.#options;
    const place = this.#place;
    this.#run = await runServer({
      binary,
      directory: this.#directory,
      place,
      config: configure?.(place, this.#directory) ?? {
        text: renderConfig({ ...place, jetStreamConfig, extraConfig }),
      },
      logFile: this.logFile,
    });
    this.#info = await this.#run.ready();
  }

  async #terminate(): Promise<void> {
    if (this.#run !== undefined) await endServer(this.#run.child);
  }

  get #current(): ServerRun {
    if (this.#run === undefined) throw new Error('the nats-server was not started');
    return this.#run;
  }
}
