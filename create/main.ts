#!/usr/bin/env node
import { type ParseArgsConfig, parseArgs } from 'node:util';
import { describeThrown, ThroughlineError } from '../shared/errors.ts';
import { fileFault } from '../shared/text/file-fault.ts';
import { createProject, LANGUAGES, nextSteps } from './project.ts';

const USAGE =
  'usage: npm create throughline <folder> [-- --worker python] [-- --packages <folder of the packed packages>]';
const EXIT_FAILED = 1;
const EXIT_USAGE = 2;
/** The same as that of `throughline` for an output that cannot be written. */
const EXIT_OUTPUT = 74;

/**
 * `npm create throughline <folder>`: makes a project, as `throughline init` does.
 * @returns the exit code
 */
async function main(args: readonly string[]): Promise<number> {
  try {
    const typed = parse(args);
    if (typed.help === true) {
      process.stdout.write(`${USAGE}\n`);
      return 0;
    }
    if (typed.folder === undefined) {
      process.stderr.write(`${USAGE}\n`);
      return EXIT_USAGE;
    }
    process.stdout.write(nextSteps(await createProject(typed.folder, typed)));
    return 0;
  } catch (thrown) {
    process.stderr.write(`error: ${describeThrown(thrown)}\n`);
    return thrown instanceof ThroughlineError ? EXIT_USAGE : EXIT_FAILED;
  }
}

interface Typed {
  readonly folder?: string | undefined;
  readonly packages?: string | undefined;
  readonly worker?: (typeof LANGUAGES)[number] | undefined;
  readonly help?: boolean | undefined;
}

/** @throws ThroughlineError `request-invalid` for anything that this program does not take */
function parse(args: readonly string[]): Typed {
  const options = {
    packages: { type: 'string' },
    worker: { type: 'string' },
    help: { type: 'boolean', short: 'h' },
  } as const;
  const { values, positionals } = parsed(args, options);
  const { worker: wanted, ...others } = values;
  const worker = LANGUAGES.find((language) => language === wanted);
  if (positionals.length > 1)
    throw refusal(`one folder is needed, and these are ${positionals.length}: ${positionals.join(', ')}`);
  if (worker !== wanted) throw refusal(`--worker ${wanted} is not known; it may be ${LANGUAGES.join(', ')}`);
  return { folder: positionals[0], worker, ...others };
}

function parsed<Options extends NonNullable<ParseArgsConfig['options']>>(
  args: readonly string[],
  options: Options,
) {
  try {
    return parseArgs({ args: [...args], options, allowPositionals: true });
  } catch (thrown) {
    // Node tells how to pass such a word in a second sentence, which is not so here.
    throw refusal(describeThrown(thrown).split('. ')[0] ?? '');
  }
}

function refusal(why: string): ThroughlineError {
  return new ThroughlineError('request-invalid', `${why}; ${USAGE}`);
}

let outputFault: NodeJS.ErrnoException | undefined;
for (const stream of [process.stdout, process.stderr])
  stream.on('error', (error: NodeJS.ErrnoException) => {
    // EPIPE is no failure: the reader has read enough.
    if (error.code === 'EPIPE' || outputFault !== undefined) return;
    outputFault = error;
    process.exitCode = EXIT_OUTPUT;
    if (stream === process.stdout)
      process.stderr.write(`error: the output cannot be written: ${fileFault(error)}\n`);
  });
const code = await main(process.argv.slice(2));
process.exitCode = outputFault === undefined ? code : EXIT_OUTPUT;
