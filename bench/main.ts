/**
 * `npm run bench`: the figures of this project, each beside its limit and its peers. `npm run bench -- worker distance` runs parts by
 * name, `--only <text>` the tables whose names contain it. `--quick` only shows that every part works. `--json FILE` keeps the
 * figures, `--svg FOLDER` draws a picture for each table. The exit code is 1 if something failed, and 2 if something was asked for
 * that cannot be measured.
 */
import { CommanderError } from 'commander';
import { describeThrown, ThroughlineError } from '../shared/errors.ts';
import { cost } from './parts/cost.ts';
import { distance } from './parts/distance.ts';
import { edge } from './parts/edge.ts';
import { endToEnd } from './parts/end-to-end.ts';
import { growth } from './parts/growth.ts';
import { memory } from './parts/memory.ts';
import { size } from './parts/size.ts';
import { worker } from './parts/worker.ts';
import { type BenchArguments, readArguments } from './suite/arguments.ts';
import { readCircumstances } from './suite/circumstances.ts';
import type { Part, PartOptions } from './suite/part.ts';
import { Report } from './suite/report.ts';
import { keepTemporaryFilesTogether } from './suite/scratch.ts';

const PARTS: readonly Part[] = [edge, distance, worker, endToEnd, growth, memory, size, cost];
const QUICK_JOBS = 1_000;
const WRONG_INPUT = 2;

keepTemporaryFilesTogether();
try {
  const bench = readArguments(PARTS, process.argv.slice(2));
  if (bench.list) list();
  else process.exitCode = await measure(bench);
} catch (thrown) {
  if (thrown instanceof CommanderError) process.exitCode = thrown.exitCode === 0 ? 0 : WRONG_INPUT;
  else process.exitCode = complain('', thrown);
}

function list(): void {
  for (const { name, what, tables } of PARTS) say(`${name}: ${what}\n  ${tables.join('\n  ')}\n`);
}

/** @returns the exit code */
async function measure(bench: BenchArguments): Promise<number> {
  const { json, svg, quick } = bench;
  const report = new Report({ json, svg, circumstances: await readCircumstances(), write: say });
  let exitCode = 0;
  for (const part of bench.parts.filter(({ tables }) => tables.some(isWanted))) {
    const began = performance.now();
    await part.run(optionsOf(part)).catch((thrown: unknown) => {
      exitCode = Math.max(exitCode, complain(`part ${part.name}: `, thrown));
    });
    say(`part ${part.name}: ${((performance.now() - began) / 1_000).toFixed(1)} s\n`);
  }
  if (report.count === 0 && exitCode === 0)
    return complain('', wrong('--quick measures none of these tables'));
  return report.hasFailures ? Math.max(exitCode, 1) : exitCode;

  function isWanted(table: string): boolean {
    return table.includes(bench.only);
  }

  function optionsOf({ name, tables }: Part): PartOptions {
    return {
      quick,
      rounds: quick ? 1 : bench.rounds,
      jobs: quick ? QUICK_JOBS : bench.jobs,
      wanted: isWanted,
      checkouts: bench.checkout,
      report: async (table) => {
        if (!tables.includes(table.name)) throw new Error(`${name} does not list its table ${table.name}`);
        report.add(table);
      },
    };
  }
}

/** Says what is wrong, and where if it may be a fault of ours. @returns the exit code for it */
function complain(where: string, thrown: unknown): number {
  process.stderr.write(`error: ${where}${describeThrown(thrown)}\n`);
  if (thrown instanceof ThroughlineError && thrown.code === 'config-invalid') return WRONG_INPUT;
  if (thrown instanceof Error) process.stderr.write(`${thrown.stack}\n`);
  return 1;
}

function wrong(message: string): ThroughlineError {
  return new ThroughlineError('config-invalid', message);
}

function say(text: string): void {
  process.stdout.write(text);
}
