import { execFile, fork } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { findOnPath } from '../../dev/machine/command.ts';
import { hostEnvironment } from '../../dev/machine/environment.ts';

const PROGRAM = fileURLToPath(new URL('load-process.ts', import.meta.url));
const run = promisify(execFile);

/** POST requests of one kind, as many at once as there are connections, for some time. */
export interface Load {
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
  readonly connections: number;
  readonly ms: number;
}

/** What became of a load. */
export interface LoadFigures {
  readonly requests: number;
  /** Requests of these that got no answer, or one from 300 on. */
  readonly failed: number;
  readonly seconds: number;
}

interface WrkError {
  readonly stdout?: string;
  readonly stderr?: string;
  readonly message?: string;
}

/**
 * Sends a load from a process of its own.
 * @param wrk the program wrk (https://github.com/wg/wrk), which takes less processor time; undefined: a Node process sends
 */
export function sendLoad(load: Load, wrk: string | undefined): Promise<LoadFigures> {
  return wrk === undefined ? sendByNode(load) : sendByWrk(load, wrk);
}

/**
 * The program wrk: the one that `WRK` names, or else the one on the `PATH`; undefined if there is none.
 * @throws Error with its own last words, if it is there and cannot start, or if `WRK` names none
 */
export async function findWrk(
  environment: NodeJS.ProcessEnv = hostEnvironment(),
): Promise<string | undefined> {
  const { WRK: named, PATH } = environment;
  const wrk = named ?? (await findOnPath('wrk', PATH));
  if (wrk === undefined) return undefined;
  // It prints its version, and ends with an error.
  const said: WrkError = await run(wrk, ['-v']).catch((error: WrkError) => error);
  if (said.stdout?.startsWith('wrk ') === true) return wrk;
  const where = named === undefined ? 'is on the PATH' : 'is what WRK names';
  throw new Error(`${wrk} ${where}, and cannot start: ${said.stderr?.trim() || said.message}`);
}

async function sendByNode(load: Load): Promise<LoadFigures> {
  const child = fork(PROGRAM);
  child.send(load);
  const [figures] = (await once(child, 'message')) as [LoadFigures];
  child.kill();
  return figures;
}

async function sendByWrk({ url, headers, body, connections, ms }: Load, wrk: string): Promise<LoadFigures> {
  const directory = await mkdtemp(path.join(tmpdir(), 'throughline-wrk-'));
  try {
    const script = path.join(directory, 'post.lua');
    await writeFile(script, `wrk.method = "POST"\nwrk.body = ${JSON.stringify(body)}\n`);
    const headerArguments = Object.entries(headers).flatMap(([name, value]) => ['-H', `${name}: ${value}`]);
    const seconds = `${Math.max(1, Math.round(ms / 1_000))}s`;
    const { stdout } = await run(wrk, [
      ...['-t', '1', '-c', String(connections), '-d', seconds, '-s', script],
      ...headerArguments,
      url,
    ]);
    return readWrk(stdout);
  } finally {
    await rm(directory, { recursive: true, force: true });
  }
}

function readWrk(text: string): LoadFigures {
  const [, requests, seconds] = /(\d+) requests in ([\d.]+)s/.exec(text) ?? [];
  const [, refused = 0] = /Non-2xx or 3xx responses: (\d+)/.exec(text) ?? [];
  const lost = /Socket errors: .*$/m.exec(text)?.[0].match(/\d+/g) ?? [];
  if (requests === undefined) throw new Error(`wrk said: ${text}`);
  const failed = lost.reduce((sum, count) => sum + Number(count), Number(refused));
  return { requests: Number(requests), failed, seconds: Number(seconds) };
}
