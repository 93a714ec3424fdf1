#!/usr/bin/env node
import { EXIT_NODE_TOO_OLD, nodeProblem } from './node-version.ts';

/** The program `throughline`. It imports nothing else at first, so that an old Node can still say that it is too old. */
const problem = nodeProblem(process.versions.node);
if (problem === undefined) await import('./process.ts');
else {
  process.stderr.write(`${problem}\n`);
  process.exitCode = EXIT_NODE_TOO_OLD;
}
