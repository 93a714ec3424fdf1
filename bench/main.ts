/**
 * `npm run bench`: the figures of this project, each beside its limit and its peers. `npm run bench -- worker distance` runs parts by
 * name, `--only <text>` the tables whose names contain it. `--quick` only shows that every part works. `--json FILE` keeps the
 * figures, `--svg FOLDER` draws a picture for each table.
 */
import { mkdir, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { parseArgs } from 'node:util';
import { cost } from './parts/cost.ts';
import { distance } from './parts/distance.ts';
import { edge } from './parts/edge.ts';
import { endToEnd } from './parts/end-to-end.ts';
import { growth } from './parts/growth.ts';
import { memory } from './parts/memory.ts';
import { size } from './parts/size.ts';
import { worker } from './parts/worker.ts';
import { addToJson, machineText } from './suite/json.ts';
import type { Part, PartOptions } from './suite/part.ts';
import { tableSvg } from './suite/svg.ts';
import type { Table } from './suite/table.ts';
import { tableText } from './suite/terminal.ts';

const PARTS: readonly Part[] = [edge, distance, worker, endToEnd, growth, memory, size, cost];
const QUICK_JOBS = 1_000;

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    quick: { type: 'boolean', default: false },
    rounds: { type: 'string', default: '5' },
    jobs: { type: 'string', default: '1000000' },
    only: { type: 'string', default: '' },
    checkout: { type: 'string', multiple: true, default: [] },
    json: { type: 'string' },
    svg: { type: 'string' },
    list: { type: 'boolean', default: false },
  },
});

const unknown = positionals.filter((name) => !PARTS.some((part) => part.name === name));
if (unknown.length > 0)
  throw new Error(`there is no part ${unknown.join(', ')}; the parts are ${PARTS.map(nameOf).join(', ')}`);
const parts = PARTS.filter((part) => positionals.length === 0 || positionals.includes(part.name));
if (values.list) for (const part of PARTS) say(`${part.name.padEnd(12)} ${part.what}`);
else await runAll();

async function runAll(): Promise<void> {
  const rounds = values.quick ? 1 : Number(values.rounds);
  const jobs = values.quick ? QUICK_JOBS : Number(values.jobs);
  if (!(rounds >= 1 && jobs >= 1)) throw new Error('--rounds and --jobs take whole numbers above 0');
  const options: PartOptions = {
    quick: values.quick,
    rounds,
    jobs,
    wanted: (table) => table.includes(values.only),
    checkouts: values.checkout.map((folder) => path.resolve(folder)),
    report,
  };
  say(machineText());
  for (const part of parts) {
    const began = performance.now();
    await part.run(options);
    say(`part ${part.name}: ${((performance.now() - began) / 1_000).toFixed(1)} s`);
  }
}

async function report(table: Table): Promise<void> {
  say(tableText(table));
  if (values.json !== undefined) await addToJson(values.json, table);
  if (values.svg === undefined) return;
  await mkdir(values.svg, { recursive: true });
  await writeFile(path.join(values.svg, `${table.name}.svg`), tableSvg(table));
}

function nameOf({ name }: Part): string {
  return name;
}

function say(line: string): void {
  process.stdout.write(`${line}\n`);
}
