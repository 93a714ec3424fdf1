import { mkdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { makeFolder } from '../../create/make-folder.ts';
import { describeThrown } from '../../shared/errors.ts';
import { type Child, startChild } from '../machine/child.ts';
import { hostEnvironment } from '../machine/environment.ts';
import type { ServerConfig, ServerPlace } from './config.ts';
import { type ServerInfo, waitUntilReady } from './ready.ts';

const READY_TIMEOUT_MS = 60_000;
const STOP_TIMEOUT_MS = 5_000;
const SHOWN_LINES = 12;

interface RunSettings {
  readonly binary: string;
  /** Holds the configuration file. It is removed when this process is killed. */
  readonly directory: string;
  readonly place: ServerPlace;
  readonly config: ServerConfig;
  /** The output of the server is added at its end. */
  readonly logFile: string;
}

/** One run of a nats-server, from its start to its exit. */
export interface ServerRun {
  readonly child: Child;
  /**
   * Waits until the server serves clients. Call it once.
   * @throws an Error with the reason and the last lines of the server's log; the server has ended then
   */
  ready(): Promise<ServerInfo>;
}

/** Starts nats-server once. */
export async function runServer(settings: RunSettings): Promise<ServerRun> {
  const { binary, directory, place, config, logFile } = settings;
  const configFile = await writeFiles(settings);
  const logStart = await sizeOf(logFile);
  const child = await startChild({
    command: binary,
    args: ['--config', configFile],
    environment: { ...hostEnvironment(), ...config.environment },
    output: { file: logFile },
    directory,
  });
  const ready = async (): Promise<ServerInfo> => {
    try {
      return await untilReady(child, place.portsDir);
    } catch (error) {
      await endServer(child);
      throw startFailure(error, await readFrom(logFile, logStart));
    }
  };
  return { child, ready };
}

/** @returns the path of the configuration file */
async function writeFiles({ directory, place, config }: RunSettings): Promise<string> {
  const configFile = join(directory, 'nats.conf');
  // A server that was killed leaves its ports file there.
  await rm(place.portsDir, { recursive: true, force: true });
  await mkdir(place.portsDir);
  await makeFolder(place.storeDir);
  await writeFile(configFile, config.text);
  return configFile;
}

/** Ends a server: SIGTERM, and SIGKILL after 5 s. */
export async function endServer(child: Child): Promise<void> {
  await child.terminate(STOP_TIMEOUT_MS);
}

/** nats-server reports a port that is taken only in its log. */
export function isPortTaken(error: unknown): boolean {
  return error instanceof Error && error.message.includes('address already in use');
}

async function untilReady(child: Child, portsDir: string): Promise<ServerInfo> {
  const exit = new AbortController();
  const timeout = AbortSignal.timeout(READY_TIMEOUT_MS);
  void child.exited.then((code) => exit.abort(new Error(`it exited with ${code ?? 'a signal'}`)));
  const signal = AbortSignal.any([exit.signal, timeout]);
  const info = await waitUntilReady(portsDir, signal).catch((error: unknown) => {
    if (exit.signal.aborted) throw exit.signal.reason;
    throw timeout.aborted ? new Error(`it was not ready within ${READY_TIMEOUT_MS / 1000} s`) : error;
  });
  if (!info.jetstream) throw new Error('JetStream is off');
  return info;
}

function startFailure(cause: unknown, log: string): Error {
  const message = `nats-server did not start: ${describeThrown(cause)}. The end of its log:\n${endOfLog(log)}`;
  return new Error(message, { cause });
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

/** The last lines of a log. */
export function endOfLog(log: string): string {
  return log.trimEnd().split('\n').slice(-SHOWN_LINES).join('\n');
}
