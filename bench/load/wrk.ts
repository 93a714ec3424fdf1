import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { findOnPath } from '../../dev/machine/command.ts';
import { ThroughlineError } from '../../shared/errors.ts';
import { withFile } from './lent-file.ts';
import type { Load, LoadFigures, Sender } from './load.ts';

const run = promisify(execFile);
/** How long after its load it may still run before it is ended. */
const PATIENCE_S = 60;

interface WrkError {
  readonly stdout?: string;
  readonly stderr?: string;
  readonly message?: string;
}

/**
 * The program wrk: the one that `WRK` names, or else the one on the `PATH`.
 * @returns its path and its version; undefined if there is none
 * @throws ThroughlineError `config-invalid` with its own last words, if it is there and cannot start, or if `WRK` names none
 */
export async function findWrk({
  WRK: named,
  PATH,
}: NodeJS.ProcessEnv): Promise<{ readonly path: string; readonly version: string } | undefined> {
  const path = named ?? (await findOnPath('wrk', PATH));
  if (path === undefined) return undefined;
  // It prints its version, and ends with an error.
  const said: WrkError = await run(path, ['-v']).catch((error: WrkError) => error);
  const [, version] = /^wrk (?:debian\/)?([\w.]+)/.exec(said.stdout ?? '') ?? [];
  if (version !== undefined) return { path, version };
  const where = named === undefined ? 'is on the PATH' : 'is what WRK names';
  throw new ThroughlineError(
    'config-invalid',
    `${path} ${where}, and cannot start: ${said.stderr?.trim() || said.message}`,
  );
}

/** wrk as a sender of loads. */
export function wrkSender({ path, version }: { readonly path: string; readonly version: string }): Sender {
  return { name: `wrk ${version}`, send: (load) => send(path, load) };
}

function send(wrk: string, { url, headers, body, connections, seconds }: Load): Promise<LoadFigures> {
  const headerArguments = Object.entries(headers).flatMap(([name, value]) => ['-H', `${name}: ${value}`]);
  const script = `wrk.method = "POST"\nwrk.body = ${JSON.stringify(body)}\n`;
  return withFile(script, async (file) => {
    const measured = ['-t', '1', '-c', String(connections), '-d', `${seconds}s`, '-s', file];
    const timeout = (seconds + PATIENCE_S) * 1_000;
    const { stdout } = await run(wrk, [...measured, ...headerArguments, url], { timeout });
    return readWrk(stdout);
  });
}

/**
 * Reads what wrk wrote.
 * @throws Error with its text, if it has no figures
 */
export function readWrk(text: string): LoadFigures {
  const [, requests, seconds] = /(\d+) requests in ([\d.]+)s/.exec(text) ?? [];
  const [, refused = 0] = /Non-2xx or 3xx responses: (\d+)/.exec(text) ?? [];
  const [, connect = 0, read = 0, write = 0] =
    /Socket errors: connect (\d+), read (\d+), write (\d+)/.exec(text) ?? [];
  if (requests === undefined) throw new Error(`wrk said: ${text}`);
  // wrk does not count these as requests. Those that it calls timeouts were answered late, and are counted.
  const unanswered = Number(connect) + Number(read) + Number(write);
  return {
    requests: Number(requests) + unanswered,
    failed: Number(refused) + unanswered,
    seconds: Number(seconds),
  };
}
