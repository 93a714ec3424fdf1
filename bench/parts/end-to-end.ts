import { resolve } from 'node:path';
import { hostEnvironment } from '../../dev/machine/environment.ts';
import type { Stack } from '../../dev/stack.ts';
import { UNLIMITED } from '../edges/unlimited.ts';
import { type Pace, sendAtPace } from '../load/pace.ts';
import { whyBullMqSkipped } from '../peers/bullmq.ts';
import type { Part, PartOptions } from '../suite/part.ts';
import { type Contestant, inTurns } from '../suite/rounds.ts';
import type { Column, Figures } from '../suite/table.ts';
import { percentile } from '../support/measure.ts';
import { startOtlpSink } from '../support/otlp-sink.ts';
import { startQuietStack } from '../support/stack.ts';
import { startBullMqWait, startMinimalWait, type WaitingPath } from '../support/waiting-paths.ts';

const SHARES = [0.1, 0.5, 0.8];
/** How many requests count in all rounds together: ten are slower than the last percentile that is shown, also if a few are missing. */
const WANTED = 10_500;
const WANTED_AT_LOW_RATE = 1_200;
const LOW_SHARE = 0.1;
/** Rates are tried in steps of this factor. */
const STEP = 1.15;
const FIRST_RATE = 150;
const MOST_RATE = 20_000;
/** A rate holds if this part of its answers comes in time, and none fails. */
const HOLDS_SHARE = 0.97;
const HOLDS_P99_MS = 500;
const TRY_MS = 3_000;
/** A round of one row takes between these. */
const ROUND_MS = { least: 2_000, most: 12_000 };
const WARM_UP_MS = 1_000;
const QUICK_RATE = 20;
const QUICK_MS = 1_500;
/** A percentile with fewer slower requests is not shown: one of them more or less would change it much. */
const SLOWER = 10;
const BODY = '{"operation":"echo","input":{"hello":"world"}}';

const COLUMNS: readonly Column[] = [
  { name: 'p50', unit: 'ms', digits: 1 },
  { name: 'p99', unit: 'ms', digits: 1 },
  { name: 'p99.9', unit: 'ms', digits: 1 },
  { name: 'answers', unit: '/s' },
  { name: 'requests', unit: '' },
  { name: 'failed', unit: '' },
];

/** From a request to the end of its job, at rates that the system holds. */
export const endToEnd: Part = {
  name: 'end-to-end',
  what: 'the time from a request to the end of its job, at shares of the highest rate that holds',
  tables: [nameOf(false), nameOf(true)],
  run: async (options: PartOptions) => {
    for (const traced of options.quick ? [false] : [false, true])
      if (options.wanted(nameOf(traced))) await measure(traced, options);
  },
};

function nameOf(traced: boolean): string {
  return traced ? 'end-to-end-traced' : 'end-to-end-untraced';
}

/** A way to the end of a job that is measured. */
interface Way extends Pick<Contestant, 'kind'> {
  /** What its rows say beside the rate. */
  readonly name: string;
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
}

async function measure(traced: boolean, options: PartOptions): Promise<void> {
  const sink = await startOtlpSink();
  const tracing = traced ? { OTEL_EXPORTER_OTLP_ENDPOINT: sink.url } : {};
  const stack = await startQuietStack({
    tracing: false,
    edge: { ...UNLIMITED, ...tracing },
    worker: { WORKER_CONCURRENCY: '64', ...tracing },
  });
  const others: WaitingPath[] = [];
  try {
    const ours = oursOf(stack);
    const highest = options.quick ? QUICK_RATE : await highestRate(ours);
    // Limit and peer make no spans. They start when the highest rate is known.
    const beside = traced ? { ways: [], notes: [] } : await othersOf(others);
    const rates = (options.quick ? [1] : SHARES).flatMap((share) =>
      [ours, ...beside.ways].map((way) => new PacedRow(way, share, highest, options)),
    );
    const rows = await inTurns(rates, options.rounds);
    await options.report({
      name: nameOf(traced),
      columns: COLUMNS,
      rows: rows.map((row, n) => ({ ...row, rounds: [rates[n]?.together() ?? {}] })),
      title: `From POST to the end of the job, ${traced ? 'traced' : 'untraced'}`,
      notes: [
        `The highest rate that held was ${highest.toFixed(0)} jobs a second: all answers came, p99 within ${HOLDS_P99_MS} ms.`,
        `The requests of all rounds are taken together. A percentile with fewer than ${SLOWER} slower requests is not shown.`,
        'Edge, NATS, worker and the sender of the requests share the machine.',
        ...beside.notes,
      ],
    });
  } finally {
    for (const { stop } of others) await stop();
    await stack.stop();
    sink.stop();
  }
}

function oursOf({ url, apiKey }: Stack): Way {
  const headers = { authorization: `Bearer ${apiKey}`, prefer: 'wait=30' };
  return { name: '', kind: 'ours', url: `${url}/v1/jobs`, headers };
}

/** The limit, and the peer if it is on this machine. @param started takes what was started */
async function othersOf(started: WaitingPath[]): Promise<{ readonly ways: Way[]; readonly notes: string[] }> {
  const minimal = await startMinimalWait();
  started.push(minimal);
  const limit: Way = { name: ', minimal bridge and worker', kind: 'limit', url: minimal.url, headers: {} };
  const env = hostEnvironment();
  const why = whyBullMqSkipped(env);
  if (why !== undefined) return { ways: [limit], notes: [`BullMQ is skipped: ${why}.`] };
  const bullMq = await startBullMqWait({
    folder: resolve(env.BULLMQ_FOLDER ?? ''),
    redis: env.REDIS_SERVER ?? '',
  });
  started.push(bullMq);
  const peer: Way = { name: ', BullMQ and a Node server', kind: 'peer', url: bullMq.url, headers: {} };
  return { ways: [limit, peer], notes: [] };
}

/** A way at one rate. It keeps what each round gave. */
class PacedRow implements Contestant {
  readonly name: string;
  readonly kind: Contestant['kind'];
  readonly #pace: Pace;
  readonly #times: number[] = [];
  readonly #perSecond: number[] = [];
  #sent = 0;
  #failed = 0;

  /** @param highest the rate of which `share` is sent */
  constructor(way: Way, share: number, highest: number, { quick, rounds }: PartOptions) {
    const rate = share * highest;
    const wanted = share > LOW_SHARE ? WANTED : WANTED_AT_LOW_RATE;
    const ms = Math.min(Math.max((wanted / rounds / rate) * 1_000, ROUND_MS.least), ROUND_MS.most);
    this.name = `${(share * 100).toFixed(0)} %: ${rate.toFixed(0)}/s${way.name}`;
    this.kind = way.kind;
    this.#pace = paceOf(way, rate, quick ? QUICK_MS : WARM_UP_MS + ms);
  }

  async measure() {
    const { times, sent, failed, perSecond } = await sendAtPace(this.#pace);
    if (times.length === 0) throw new Error(`none of ${sent} requests was answered well`);
    for (const time of times) this.#times.push(time);
    this.#perSecond.push(perSecond);
    this.#sent += sent;
    this.#failed += failed;
    return {};
  }

  /** The figures of all rounds together. */
  together(): Figures {
    const at = (share: number): number => percentile(this.#times, share, SLOWER);
    const answers = this.#perSecond.reduce((sum, one) => sum + one, 0) / this.#perSecond.length;
    const figures = { p50: at(0.5), p99: at(0.99), 'p99.9': at(0.999), answers };
    return { ...figures, requests: this.#sent, failed: this.#failed };
  }
}

function paceOf({ url, headers }: Way, perSecond: number, ms: number): Pace {
  return {
    url,
    method: 'POST',
    perSecond,
    ms,
    warmUpMs: WARM_UP_MS,
    body: BODY,
    headers: { 'content-type': 'application/json', ...headers },
  };
}

/** Raises the rate until one does not hold, twice in a row. */
async function highestRate(way: Way): Promise<number> {
  let highest = 0;
  for (let rate = FIRST_RATE; rate < MOST_RATE; rate *= STEP) {
    if (!(await holds(way, rate)) && !(await holds(way, rate))) break;
    highest = rate;
  }
  if (highest === 0) throw new Error(`not even ${FIRST_RATE} jobs a second hold`);
  return highest;
}

async function holds(way: Way, rate: number): Promise<boolean> {
  const { failed, perSecond, times } = await sendAtPace(paceOf(way, rate, TRY_MS));
  return failed === 0 && perSecond >= rate * HOLDS_SHARE && percentile(times, 0.99) <= HOLDS_P99_MS;
}
