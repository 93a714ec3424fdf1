import { join, resolve } from 'node:path';
import { hostEnvironment } from '../../dev/machine/environment.ts';
import { locateNatsServer } from '../../dev/nats-binary/locate.ts';
import { type BullMqSetup, measureBullMq, whyBullMqSkipped } from '../peers/bullmq.ts';
import { measureGraphile, whyGraphileSkipped } from '../peers/graphile.ts';
import { measurePlainNats } from '../peers/plain-nats.ts';
import type { QueueRun } from '../peers/queue-run.ts';
import { checkProgram } from '../peers/server.ts';
import type { Part, PartOptions } from '../suite/part.ts';
import { type Contestant, inTurns } from '../suite/rounds.ts';
import type { Column, Figures, Row } from '../suite/table.ts';
import type { WorkerFigures } from '../support/measure.ts';
import { type OtlpSink, startOtlpSink } from '../support/otlp-sink.ts';
import { measureOwnWorker, type OwnWorker } from '../support/own-worker.ts';

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
  { name: 'spans', unit: 'a job', digits: 1 },
  { name: 'spans lost', unit: 'a job', digits: 1 },
];
const NOTES = [
  'Each row of each round has a server of its own, which is new. A job counts as done when its code ends, before its event and ack.',
  'Ours writes two log lines for a job, the others none.',
  'Spans are those that reached the collector. A row that has lost some is faster than one that sends them all.',
];

/** A table: what the jobs do, how many run at once, and how many there are. */
interface Case {
  readonly name: string;
  readonly concurrency: number;
  readonly napMs: number;
  readonly jobs: number;
  /** How many of them there are where the server syncs each write; absent: that is not measured. */
  readonly syncedJobs?: number;
}

const CASES: readonly Case[] = [
  { name: 'worker-no-op-1', concurrency: 1, napMs: 0, jobs: 6_000 },
  { name: 'worker-no-op-64', concurrency: 64, napMs: 0, jobs: 40_000, syncedJobs: 8_000 },
  { name: 'worker-no-op-512', concurrency: 512, napMs: 0, jobs: 16_000 },
  { name: 'worker-5ms-1', concurrency: 1, napMs: 5, jobs: 200 },
  { name: 'worker-5ms-64', concurrency: 64, napMs: 5, jobs: 12_000 },
  { name: 'worker-5ms-512', concurrency: 512, napMs: 5, jobs: 16_000 },
];
const QUICK: Case = { name: 'worker-no-op-64', concurrency: 64, napMs: 0, jobs: 400, syncedJobs: 200 };
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
  const { all, skipped } = peers(one, sink);
  const contestants = [...limits(binary, one), ...own(binary, one, options, sink), ...all];
  try {
    const rows = await inTurns(contestants, options.rounds);
    const kind = one.napMs === 0 ? 'jobs that take no time' : `jobs of ${one.napMs} ms`;
    await options.report({
      name: one.name,
      title: `One worker, ${kind}, ${one.concurrency} at once`,
      columns: COLUMNS,
      rows: [...rows, ...skipped.map(({ name }): Row => ({ name, kind: 'peer', rounds: [] }))],
      notes: [...NOTES, ...skipped.map(({ name, why }) => `${name} is skipped: ${why}.`)],
    });
  } finally {
    sink.stop();
  }
}

function runOf({ concurrency, napMs }: Case, jobs: number): QueueRun {
  return { jobs, from: Math.round(jobs * WARM_UP), to: Math.round(jobs * END), concurrency, napMs };
}

/** What nats.js does without us. */
function limits(binary: string, one: Case): Contestant[] {
  const plain = (name: string, events: number, factor = 1): Contestant => ({
    name: `plain nats.js: ${name}`,
    kind: 'limit',
    measure: async () => columnsOf(await measurePlainNats(binary, runOf(one, one.jobs * factor), events)),
  });
  const factor = one.napMs === 0 && one.concurrency > 1 ? BARE_FACTOR : 1;
  return [
    plain('ack', 0, factor),
    plain('one event like ours, ack', 1),
    plain('two events like ours, ack', 2),
  ];
}

function own(binary: string, one: Case, { quick, checkouts }: PartOptions, sink: OtlpSink): Contestant[] {
  const own = (name: string, of: Partial<OwnWorker>, jobs = one.jobs): Contestant => {
    const worker: OwnWorker = { folder: HERE, operation: 'bench.two-events', ...of };
    const measure = async () => columnsOf(await measureOwnWorker(binary, worker, runOf(one, jobs)));
    return { name, kind: 'ours', measure };
  };
  const oneEvent = { operation: 'bench.one-event' } as const;
  const { syncedJobs } = one;
  return [
    ...(quick
      ? []
      : [own('without code for spans', { settings: { NODE_OPTIONS: `--import=${WITHOUT_SPANS}` } })]),
    own('untraced', {}),
    own('traced', { sink }),
    ...(one.napMs === 0
      ? [own('untraced, one event', oneEvent), own('traced, one event', { ...oneEvent, sink })]
      : []),
    ...(syncedJobs === undefined
      ? []
      : [
          own(
            'untraced, nats-server that syncs each write',
            { jetStreamConfig: 'sync_interval: always' },
            syncedJobs,
          ),
        ]),
    ...checkouts.flatMap((folder) => [
      own(`untraced, ${folder}`, { folder }),
      own(`traced, ${folder}`, { folder, sink }),
    ]),
  ];
}

/** @throws Error if the program of a peer that is on this machine cannot start: better now than after minutes of measuring */
async function checkPeers(): Promise<void> {
  const env = hostEnvironment();
  const { REDIS_SERVER: redis = '', POSTGRES_BIN: bin = '' } = env;
  if (whyBullMqSkipped(env) === undefined) await checkProgram('REDIS_SERVER', redis);
  if (whyGraphileSkipped(env) !== undefined) return;
  for (const name of ['initdb', 'postgres']) await checkProgram('POSTGRES_BIN', join(bin, name));
}

/** A peer that is not on this machine. */
interface Skipped {
  readonly name: string;
  readonly why: string;
}

/** The peers that are on this machine, and why the others are skipped. */
function peers(one: Case, sink: OtlpSink): { readonly all: Contestant[]; readonly skipped: Skipped[] } {
  const env = hostEnvironment();
  const [noBullMq, noGraphile] = [whyBullMqSkipped(env), whyGraphileSkipped(env)];
  const place = { folder: resolve(env.BULLMQ_FOLDER ?? ''), redis: env.REDIS_SERVER ?? '' };
  const bullMq = (name: string, setup: BullMqSetup, jobs = one.jobs): Contestant => ({
    name,
    kind: 'peer',
    measure: async () => columnsOf(await measureBullMq(place, runOf(one, jobs), setup)),
  });
  const graphile: Contestant = {
    name: 'Graphile Worker',
    kind: 'peer',
    measure: async () => {
      const [folder, bin] = [resolve(env.GRAPHILE_FOLDER ?? ''), env.POSTGRES_BIN ?? ''];
      return columnsOf(await measureGraphile(folder, bin, runOf(one, one.jobs)));
    },
  };
  const allBullMq = [
    bullMq('BullMQ', {}),
    bullMq('BullMQ with bullmq-otel', { sink }),
    ...(one.syncedJobs === undefined
      ? []
      : [bullMq('BullMQ, Redis that syncs each write', { syncs: true }, one.syncedJobs)]),
  ];
  return {
    all: [...(noBullMq === undefined ? allBullMq : []), ...(noGraphile === undefined ? [graphile] : [])],
    skipped: [
      ...(noBullMq === undefined ? [] : [{ name: 'BullMQ', why: noBullMq }]),
      ...(noGraphile === undefined ? [] : [{ name: 'Graphile Worker', why: noGraphile }]),
    ],
  };
}

function columnsOf({ perSecond, workerUs, serverUs, spans, lost }: WorkerFigures): Figures {
  return {
    jobs: perSecond,
    worker: workerUs,
    server: serverUs,
    ...(spans !== undefined && { spans }),
    ...(lost !== undefined && { 'spans lost': lost }),
  };
}
