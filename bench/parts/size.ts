import { execFileSync } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { gzipSync } from 'node:zlib';
import { startEdge } from '../../dev/edge/start.ts';
import { hostEnvironment } from '../../dev/machine/environment.ts';
import { withWorkerd } from '../edges/workerd.ts';
import { whyBullMqFolderSkipped } from '../peers/bullmq.ts';
import { whyGraphileFolderSkipped } from '../peers/graphile.ts';
import type { Part, PartOptions } from '../suite/part.ts';
import { type Contestant, inTurns } from '../suite/rounds.ts';
import type { Row, Table } from '../suite/table.ts';
import { edgeBundle } from '../support/bundle.ts';
import { exactProcessorMs, median } from '../support/measure.ts';

const ROOT = path.resolve(import.meta.dirname, '../..');
const EMPTY = 'bench/limits/empty-worker.ts';
const KIB = 1024;
const START = 'until the first answer';
const BEYOND = 'beyond an empty Worker';
/** The processor time that the design allows a start to take. */
const BUDGET_MS = 50;

/** How large the Worker is, what its start takes, and what an installation brings along. */
export const size: Part = {
  name: 'size',
  what: 'the bundle, the processor time of its start in workerd, and the dependencies',
  tables: ['size-edge', 'size-packages'],
  run: async ({ rounds, wanted, report }: PartOptions) => {
    if (wanted('size-edge')) await report(await edge(rounds));
    if (wanted('size-packages')) await report(await packages());
  },
};

async function edge(rounds: number): Promise<Table> {
  const contestants = [
    await starting('Throughline', 'ours'),
    await starting('an empty Worker', 'limit', EMPTY),
  ];
  return {
    name: 'size-edge',
    title: 'The Worker at its start',
    columns: [
      { name: START, unit: 'ms of CPU of workerd', digits: 1 },
      { name: BEYOND, unit: 'ms', digits: 1 },
      { name: 'bundle', unit: 'KiB gzip', digits: 1 },
    ],
    rows: beyondEmpty(await inTurns(contestants, rounds, 1)),
    notes: [
      'The time contains the start of workerd itself: the empty Worker shows how long that takes.',
      `Beyond an empty Worker: what a start takes more than the median of the empty ones. The budget is ${BUDGET_MS} ms.`,
    ],
  };
}

/** Adds to each round of ours what it took beyond the limit. */
function beyondEmpty(rows: readonly Row[]): Row[] {
  const timesOf = (row: Row | undefined) => row?.rounds.map((figures) => figures[START] ?? Number.NaN) ?? [];
  const empty = median(timesOf(rows.find(({ kind }) => kind === 'limit')));
  return rows.map((row) =>
    row.kind === 'limit'
      ? row
      : {
          ...row,
          rounds: row.rounds.map((one) => ({ ...one, [BEYOND]: (one[START] ?? Number.NaN) - empty })),
        },
  );
}

async function starting(name: string, kind: Contestant['kind'], entry?: string): Promise<Contestant> {
  const bundle = await edgeBundle(entry);
  const gzip = gzipSync(await readFile(bundle.scriptPath), { level: 9 }).length / KIB;
  return {
    name,
    kind,
    measure: async () => {
      const edge = { bundle, port: 0, bindings: {}, onLog: () => undefined };
      const { started, workerd } = await withWorkerd(() => startEdge(edge));
      await (await fetch(`${started.url}/healthz`)).arrayBuffer();
      const ms = exactProcessorMs(workerd);
      await started.stop();
      return { [START]: ms, bundle: gzip };
    },
  };
}

async function packages(): Promise<Table> {
  const env = hostEnvironment();
  const peers = [
    { name: 'BullMQ, bullmq-otel', folder: env.BULLMQ_FOLDER, why: whyBullMqFolderSkipped(env) },
    { name: 'Graphile Worker', folder: env.GRAPHILE_FOLDER, why: whyGraphileFolderSkipped(env) },
  ];
  const skipped: string[] = [];
  const rows = [await installed('Throughline, all parts', 'ours', ROOT)];
  for (const { name, folder = '', why } of peers)
    if (why === undefined) rows.push(await installed(name, 'peer', path.resolve(folder)));
    else {
      rows.push({ name, kind: 'peer', rounds: [] });
      skipped.push(`${name} is skipped: ${why}.`);
    }
  return {
    name: 'size-packages',
    title: 'What an installation brings along',
    columns: [
      { name: 'packages', unit: '' },
      { name: 'on disk', unit: 'MiB' },
    ],
    rows,
    notes: [
      'Ours contains all instrumentations of OpenTelemetry; those of the others have none.',
      ...skipped,
    ],
  };
}

/** The packages that are no development dependencies, by the lock file of npm. */
async function installed(name: string, kind: Row['kind'], folder: string): Promise<Row> {
  const lock = JSON.parse(await readFile(path.join(folder, 'package-lock.json'), 'utf8')) as {
    readonly packages: Readonly<Record<string, { readonly dev?: boolean; readonly link?: boolean }>>;
  };
  const paths = Object.entries(lock.packages)
    .filter(([at, { dev, link }]) => at.startsWith('node_modules/') && dev !== true && link !== true)
    .map(([at]) => path.join(folder, at));
  // du counts a package inside another one once. Optional packages of other systems are not there.
  const { stdout } = du(paths);
  const total = /^(\d+)\ttotal$/m.exec(stdout)?.[1];
  return { name, kind, rounds: [{ packages: paths.length, 'on disk': Number(total) / KIB }] };
}

function du(paths: readonly string[]): { readonly stdout: string } {
  try {
    const options = { encoding: 'utf8' as const, stdio: 'pipe' as const };
    return { stdout: execFileSync('du', ['-skc', ...paths], options) };
  } catch (thrown) {
    return thrown as { readonly stdout: string };
  }
}
