import { Readable } from 'node:stream';
import { runCli } from '../../../cli/program.ts';
import type { Api, Ended, Given } from './process.ts';

/** Runs a command in this process, which is much faster than a process of its own. */
export async function runHere(
  args: readonly string[],
  { environment = {}, stdin = '', isTerminal = false }: Given & { readonly isTerminal?: boolean } = {},
): Promise<Ended> {
  const written = { stdout: '', stderr: '' };
  const stream = (name: keyof typeof written) => ({
    write: (text: string): void => {
      written[name] += text;
    },
  });
  const code = await runCli(args, {
    environment,
    stdin: Object.assign(Readable.from([stdin]), { isTTY: isTerminal }),
    stdout: stream('stdout'),
    stderr: { ...stream('stderr'), isTTY: isTerminal },
  });
  return { code, ...written };
}

/** Runs a command in this process as a caller of an API. */
export async function callHere(
  { url, apiKey }: Api,
  args: readonly string[],
  given: Parameters<typeof runHere>[1] = {},
): Promise<Ended> {
  const key: Record<string, string> = apiKey === undefined ? {} : { THROUGHLINE_API_KEY: apiKey };
  return await runHere(args, {
    ...given,
    environment: { THROUGHLINE_URL: url, ...key, ...given.environment },
  });
}
