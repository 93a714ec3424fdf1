#!/usr/bin/env node
import { parseArgs } from 'node:util';
import { describeThrown, ThroughlineError } from '../shared/errors.ts';
import { createProject, LANGUAGES, nextSteps } from './project.ts';

const USAGE =
  'usage: npm create throughline <folder> [-- --worker python] [-- --packages <folder of the packed packages>]';
const EXIT_FAILED = 1;
const EXIT_USAGE = 2;

/**
 * `npm create throughline <folder>`: makes a project, as `throughline init` does.
 * @returns the exit code
 */
async function main(args: readonly string[]): Promise<number> {
  const typed = parse(args);
  if (typed?.help === true) {
    process.stdout.write(`${USAGE}\n`);
    return 0;
  }
  if (typed?.folder === undefined) {
    process.stderr.write(`${USAGE}\n`);
    return EXIT_USAGE;
  }
  try {
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

/** @returns undefined for anything that this program does not take */
function parse(args: readonly string[]): Typed | undefined {
  const options = {
    packages: { type: 'string' },
    worker: { type: 'string' },
    help: { type: 'boolean', short: 'h' },
  } as const;
  try {
    const { values, positionals } = parseArgs({ args: [...args], options, allowPositionals: true });
    const { worker: wanted, ...others } = values;
    const worker = LANGUAGES.find((language) => language === wanted);
    if (positionals.length > 1 || worker !== wanted) return undefined;
    return { folder: positionals[0], worker, ...others };
  } catch {
    return undefined;
  }
}

process.exitCode = await main(process.argv.slice(2));
