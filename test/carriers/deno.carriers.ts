import { readdir } from 'node:fs/promises';
import path from 'node:path';
import { build } from 'esbuild';
import { expect, it } from 'vitest';
import { runCommand } from '../../dev/machine/command.ts';
import { cases, results } from '../propagation/suite.ts';
import { scratchFolder } from '../support/cleanup.ts';
import { installed } from './support/tools.ts';

const ENTRY = path.join(import.meta.dirname, '../propagation/deno-entry.ts');
/** The cases compare with Node's `assert`, which Deno has too. The module itself needs none of Node's: another one fails the build. */
const external = ['node:assert/strict', 'node:process'];

it('every rule of the propagation module holds in Deno, without a permission, and each output is that of Node', async () => {
  const outfile = path.join(await scratchFolder(), 'suite.js');
  const conditions = ['worker', 'browser'];
  await build({
    entryPoints: [ENTRY],
    outfile,
    bundle: true,
    format: 'esm',
    target: 'es2024',
    conditions,
    external,
  });
  const options = { timeoutMs: 180_000 };
  const printed = await runCommand(await denoProgram(), ['run', '--no-prompt', outfile], options);
  const { ran, faults, results: printedResults } = JSON.parse(printed);
  expect({ ran, faults }).toEqual({ ran: cases.length, faults: [] });
  expect(printedResults).toEqual(results());
});

/** The program in the package for this machine. The package `deno` itself only looks for it. */
async function denoProgram(): Promise<string> {
  const folder = path.join(await installed('deno'), 'node_modules/@deno');
  const [platform = ''] = await readdir(folder);
  return path.join(folder, platform, 'deno');
}
