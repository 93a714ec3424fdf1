import { execFile } from 'node:child_process';
import { createRequire } from 'node:module';
import { promisify } from 'node:util';
import { withFile } from './lent-file.ts';
import type { Load, LoadFigures, Sender } from './load.ts';

const run = promisify(execFile);
const require = createRequire(import.meta.url);
/** How often it looks whether its time is over. */
const SAMPLE_MS = 100;
/** How long after its load it may still run before it is ended. */
const PATIENCE_S = 60;

/** The parts that we need of what it writes. */
interface Result {
  readonly '2xx': number;
  readonly non2xx: number;
  /** No answer, or none in time. */
  readonly errors: number;
  readonly duration: number;
}

/** autocannon as a sender of loads. */
export function autocannon(): Sender {
  const { version } = require('autocannon/package.json') as { readonly version: string };
  return {
    name: `autocannon ${version}`,
    note: 'wrk is not on the PATH, nor named by WRK. autocannon sent the requests: it takes more processor time than wrk, so that less is left for the rows.',
    send: (load) => send(require.resolve('autocannon/autocannon.js'), load),
  };
}

function send(
  program: string,
  { url, headers, body, connections, seconds, enough }: Load,
): Promise<LoadFigures> {
  const headerArguments = Object.entries(headers).flatMap(([name, value]) => ['-H', `${name}=${value}`]);
  return withFile(body, async (file) => {
    const sent = ['--json', '-L', String(SAMPLE_MS), '-m', 'POST', '-i', file, ...headerArguments];
    const end = enough === undefined ? ['-d', String(seconds)] : ['-a', String(enough)];
    const measured = ['-c', String(connections), ...end];
    const timeout = (seconds + PATIENCE_S) * 1_000;
    const { stdout } = await run(process.execPath, [program, ...sent, ...measured, url], { timeout });
    return readAutocannon(stdout);
  });
}

/**
 * Reads what autocannon wrote.
 * @throws Error with its text, if it has no figures
 */
export function readAutocannon(text: string): LoadFigures {
  const [line] = text.split('\n').filter((one) => one.startsWith('{'));
  if (line === undefined) throw new Error(`autocannon said: ${text}`);
  const { '2xx': good, non2xx, errors, duration } = JSON.parse(line) as Result;
  return { requests: good + non2xx + errors, failed: non2xx + errors, seconds: duration };
}
