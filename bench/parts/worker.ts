import { join, resolve } from 'node:path';
import { hostEnvironment } from '../../dev/machine/environment.ts';
import { locateNatsServer } from '../../dev/nats-binary/locate.ts';
import { fullBullMq, whySkipped } from '../peers/bullmq.ts';
import { measureGraphile, type Postgres, startPostgres, whyGraphileSkipped } from '../peers/graphile.ts';
import { measurePlainNats } from '../peers/plain-nats.ts';
import type { QueueRun } from '../peers/queue-run.ts';
import { checkProgram } from '../peers/server.ts';
import type { Part, PartOptions } from '../suite/part.ts';
import { type Contestant, inTurns } from '../suite/rounds.ts';
import type { Column } from '../suite/table.ts';
import type { Figures } from '../support/measure.ts';
import { startOtlpSink } from '../support/otlp-sink.ts';
import { OwnWorker } from '../support/own-worker.ts';

const HERE = resolve(import.meta.dirname, '../..');
const WITHOUT_SPANS = resolve(HERE, 'bench/processors/without-spans.ts');
/** The first part of the jobs does not count: the code is not compiled yet. */
const WARM_UP = 0.4;
/** Nor does the last part, in which there are fewer jobs than slots. */
const END = 0.95;
const COLUMNS: readonly Column[] = [
  { name: 'jobs', unit: '/s' },
  { name: 'worker', unit: 'µs of CPU a job' },
  { name: 'server', unit: 'µs of CPU a job' },
];

type Settings = Readonly<Record<string, string>>;

/** A table: what the jobs do, how many run at once, and how many there are. */
interface Case {
  readonly name: string;
  readonly concurrency: number;
  readonly napMs: number;
  readonly jobs: number;
}

const CASES: readonly Case[] = [
  { name: 'worker-no-op-1', concurrency: 1, napMs: 0, jobs: 2_000 },
  { name: 'worker-no-op-64', concurrency: 64, napMs: 0, jobs: 40_000 },
  { name: 'worker-no-op-512', concurrency: 512, napMs: 0, jobs: 16_000 },
  { name: 'worker-5ms-1', concurrency: 1, napMs: 5, jobs: 200 },
  { name: 'worker-5ms-64', concurrency: 64, napMs: 5, jobs: 12_000 },
  { name: 'worker-5ms-512', concurrency: 512, napMs: 5, jobs: 16_000 },
];
const QUICK: Case = { name: 'worker-no-op-64', concurrency: 64, napMs: 0, jobs: 400 };
/** The bare loop is so fast that its processor time could not be told with as few jobs as the others have. */
const BARE_FACTOR = 4;

/** One worker process with a full queue. */
export const worker: Part = {
  name: 'worker',
  what: 'one worker with a full queue, beside plain nats.js, BullMQ and Graphile Worker',
  tables: CASES.map(({ name }) => name),
  run: async (options: PartOptions) => {
    for (const one of options.quick ? [QUICK] : CASES)
      if (options.wanted(one.name)) await measure(one, options);
  },
};

async function measure(one: Case, options: PartOptions): Promise<void> {
  await checkPeers();
  const sink = await startOtlpSink();
  const { path: binary } = await locateNatsServer({ environment: hostEnvironment() });
  const { all, skipped } = peers(runOf(one), sink.url);
  const contestants = [...limits(binary, one), ...own(binary, one, options.checkouts, sink.url), ...all];
  try {
    const rows = await inTurns(contestants, options.rounds);
    const kind = one.napMs === 0 ? 'jobs that take no time' : `jobs of ${one.napMs} ms`;
    await options.report({
      name: one.name,
      title: `One worker, ${kind}, ${one.concurrency} at once`,
      ...{ columns: COLUMNS, rows, notes: skipped },
    });
  } finally {
    sink.stop();
  }
}

function runOf({ jobs, concurrency, napMs }: Case, factor = 1): QueueRun {
  const all = jobs * factor;
  return { jobs: all, from: Math.round(all * WARM_UP), to: Math.round(all * END), concurrency, napMs };
}

/** What nats.js does without us. */
function limits(binary: string, one: Case): Contestant[] {
  const plain = (name: string, events: number, factor = 1): Contestant => ({
    ...{ name: `plain nats.js: ${name}`, kind: 'limit' },
    measure: async () => columnsOf(await measurePlainNats(binary, runOf(one, factor), events)),
  });
  const factor = one.napMs === 0 && one.concurrency > 1 ? BARE_FACTOR : 1;
  return [plain('ack', 0, factor), plain('one event, ack', 1), plain('two events, ack', 2)];
}

function own(binary: string, one: Case, checkouts: readonly string[], otlpUrl: string): Contestant[] {
  const tracing = { OTEL_EXPORTER_OTLP_ENDPOINT: otlpUrl };
  const own = (name: string, folder: string, settings: Settings, operation?: 'bench.noop'): Contestant => {
    let started: Promise<OwnWorker> | undefined;
    return {
      ...{ name, kind: 'ours' },
      measure: async () => {
        started ??= OwnWorker.start(folder, binary, settings);
        return columnsOf(await (await started).measure(runOf(one), operation));
      },
      stop: async () => await (await started)?.stop(),
    };
  };
  const oneEvent = [
    own('untraced, one event', HERE, {}, 'bench.noop'),
    own('traced, one event', HERE, tracing, 'bench.noop'),
  ];
  return [
    own('without code for spans', HERE, { NODE_OPTIONS: `--import=${WITHOUT_SPANS}` }),
    own('untraced', HERE, {}),
    own('traced', HERE, tracing),
    ...(one.napMs === 0 ? oneEvent : []),
    ...checkouts.flatMap((folder) => [
      own(`untraced, ${folder}`, folder, {}),
      own(`traced, ${folder}`, folder, tracing),
    ]),
  ];
}

/** @throws Error if the program of a peer that is on this machine cannot start: better now than after minutes of measuring */
async function checkPeers(): Promise<void> {
  const env = hostEnvironment();
  const { REDIS_SERVER: redis = '', POSTGRES_BIN: bin = '' } = env;
  if (whySkipped(env) === undefined) await checkProgram('REDIS_SERVER', redis);
  if (whyGraphileSkipped(env) !== undefined) return;
  for (const name of ['initdb', 'postgres']) await checkProgram('POSTGRES_BIN', join(bin, name));
}

/** The peers that are on this machine, and why the others are skipped. */
function peers(run: QueueRun, otlpUrl: string): { readonly all: Contestant[]; readonly skipped: string[] } {
  const env = hostEnvironment();
  const [noBullMq, noGraphile] = [whySkipped(env), whyGraphileSkipped(env)];
  const skipped = [
    ...(noBullMq === undefined ? [] : [`BullMQ is skipped: ${noBullMq}.`]),
    ...(noGraphile === undefined ? [] : [`Graphile Worker is skipped: ${noGraphile}.`]),
  ];
  const place = { folder: resolve(env.BULLMQ_FOLDER ?? ''), redis: env.REDIS_SERVER ?? '' };
  const bullMq = [undefined, otlpUrl].map(
    (url): Contestant => ({
      name: `BullMQ${url === undefined ? '' : ' with bullmq-otel'}`,
      kind: 'peer',
      measure: async () => columnsOf(await (await fullBullMq(place, { ...run, otlpUrl: url }))()),
    }),
  );
  const graphile = graphileWorker(resolve(env.GRAPHILE_FOLDER ?? ''), env.POSTGRES_BIN ?? '', run);
  const all = [...(noBullMq === undefined ? bullMq : []), ...(noGraphile === undefined ? [graphile] : [])];
  return { all, skipped };
}

function graphileWorker(folder: string, bin: string, run: QueueRun): Contestant {
  let postgres: Promise<Postgres> | undefined;
  return {
    name: 'Graphile Worker',
    kind: 'peer',
    measure: async () => {
      postgres ??= startPostgres(bin);
      return columnsOf(await measureGraphile(folder, await postgres, run));
    },
    stop: async () => await (await postgres)?.stop(),
  };
}

function columnsOf({ perSecond, workerUs, serverUs }: Figures) {
  return { jobs: perSecond, worker: workerUs, server: serverUs };
}
