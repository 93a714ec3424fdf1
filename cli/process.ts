/** Runs the command line in this process. Everything that it needs of Node is here or below. */
import { enableCompileCache } from 'node:module';
import { isAbsolute, join } from 'node:path';
import { getSystemErrorMessage } from 'node:util';
import { makeFolder } from '../create/make-folder.ts';

// biome-ignore lint/style/noProcessEnv: the command line reads the environment here only and passes it on.
const environment = process.env;
// A worker host takes it away from the code of operations.
const { exit } = process;
// The cache starts before the other modules load, so that they are cached too.
await cacheCompiledCode();
const [{ printError, runCli }, { EXIT }, { CliError }] = await Promise.all([
  import('./program.ts'),
  import('./exit-code.ts'),
  import('./cli-error.ts'),
]);

const args = process.argv.slice(2);
// OpenTelemetry records the command line in every span, and it may hold an API key or a job's input.
process.argv.length = 2;

let isClosed = false;
let outputFault: NodeJS.ErrnoException | undefined;
for (const stream of [process.stdout, process.stderr]) {
  stream.on('error', (error: NodeJS.ErrnoException) => {
    // EPIPE is no failure: the reader has read enough, as in `throughline get … | head -1`.
    if (error.code !== 'EPIPE') outputFault ??= error;
    else isClosed ||= stream === process.stdout;
  });
}

const stdout = {
  write: (text: string) => process.stdout.write(text),
  isTTY: process.stdout.isTTY,
  get columns() {
    return process.stdout.columns;
  },
  get isClosed() {
    return isClosed;
  },
};
const hostProcess = { environment, stdin: process.stdin, stdout, stderr: process.stderr };
const code = await runCli(args, hostProcess);

// Wait until all output is written, then exit without waiting for open connections.
await Promise.all(
  [process.stdout, process.stderr].map((stream) => new Promise((resolve) => stream.write('', resolve))),
);
if (outputFault !== undefined) printError(args, hostProcess, outputError(outputFault));
exit(outputFault === undefined ? code : EXIT.output.code);

/** What stdout or stderr did not take is a fault of where they lead to, not of this program. */
function outputError(fault: NodeJS.ErrnoException): Error {
  const why = fault.errno === undefined ? fault.message : getSystemErrorMessage(fault.errno);
  return new CliError('output-unwritable', `the output cannot be written: ${why}`, { cause: fault });
}

/**
 * Lets Node keep the compiled sources in the user's cache folder (XDG Base Directory Specification): compiling takes
 * most of a short command's time. Without a home folder nothing is cached, nor where the folder cannot be made: Node would
 * try for ever in some of these cases, see {@link makeFolder}.
 */
async function cacheCompiledCode(): Promise<void> {
  const { XDG_CACHE_HOME: cache, HOME: home = '' } = environment;
  const caches = cache !== undefined && isAbsolute(cache) ? cache : join(home, '.cache');
  if (!isAbsolute(caches)) return;
  const folder = join(caches, 'throughline', 'compiled');
  await makeFolder(folder).then(
    () => enableCompileCache(folder),
    () => undefined,
  );
}
