#!/usr/bin/env node
import { describeThrown, ThroughlineError } from '../shared/errors.ts';
import { createProject, nextSteps } from './project.ts';

const USAGE = 'usage: npm create throughline <folder>';
const EXIT_FAILED = 1;
const EXIT_USAGE = 2;

/**
 * `npm create throughline <folder>`: makes a project, as `throughline init` does.
 * @returns the exit code
 */
async function main(args: readonly string[]): Promise<number> {
  const [folder, ...rest] = args;
  if (folder === '--help' || folder === '-h') {
    process.stdout.write(`${USAGE}\n`);
    return 0;
  }
  if (folder === undefined || folder.startsWith('-') || rest.length > 0) {
    process.stderr.write(`${USAGE}\n`);
    return EXIT_USAGE;
  }
  try {
    process.stdout.write(nextSteps(await createProject(folder)));
    return 0;
  } catch (thrown) {
    process.stderr.write(`error: ${describeThrown(thrown)}\n`);
    return thrown instanceof ThroughlineError ? EXIT_USAGE : EXIT_FAILED;
  }
}

process.exitCode = await main(process.argv.slice(2));
