import type { Stack } from '../../dev/stack.ts';
import { type Pace, type PaceFigures, sendAtPace } from '../load/pace.ts';
import type { Part, PartOptions } from '../suite/part.ts';
import { type Contestant, inTurns } from '../suite/rounds.ts';
import type { Column } from '../suite/table.ts';
import { startOtlpSink } from '../support/otlp-sink.ts';
import { startQuietStack } from '../support/stack.ts';

const SHARES = [0.1, 0.5, 0.8];
/** Rates are tried in steps of this factor. */
const STEP = 1.15;
const FIRST_RATE = 150;
const MOST_RATE = 20_000;
/** A rate holds if so many of its answers come in time, and none fails. */
const HOLDS_SHARE = 0.97;
const HOLDS_P99_MS = 500;
const TRY_MS = 3_000;
const ROUND_MS = 4_000;
const WARM_UP_MS = 1_000;
const QUICK_RATE = 20;
const QUICK_MS = 1_500;
/** No quota and no limit of requests is reached. */
const UNLIMITED = {
  ...{ TENANT_REQUESTS_PER_SECOND: '1000000', TENANT_MAX_JOBS: '100000000', WAITS_PER_TENANT: '100000' },
};

const COLUMNS: readonly Column[] = [
  { name: 'p50', unit: 'ms', digits: 1 },
  { name: 'p99', unit: 'ms', digits: 1 },
  { name: 'p99.9', unit: 'ms', digits: 1 },
  { name: 'answers', unit: '/s' },
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

async function measure(traced: boolean, { quick, rounds, report }: PartOptions): Promise<void> {
  const sink = await startOtlpSink();
  const tracing = traced ? { OTEL_EXPORTER_OTLP_ENDPOINT: sink.url } : {};
  const stack = await startQuietStack({
    ...{
      tracing: false,
      edge: { ...UNLIMITED, ...tracing },
      worker: { WORKER_CONCURRENCY: '64', ...tracing },
    },
  });
  try {
    const highest = quick ? QUICK_RATE : await highestRate(stack);
    const contestants = (quick ? [1] : SHARES).flatMap((share) =>
      atRate(stack, share * highest, share, quick),
    );
    await report({
      name: nameOf(traced),
      title: `From POST to the end of the job, ${traced ? 'traced' : 'untraced'}`,
      columns: COLUMNS,
      rows: await inTurns(contestants, rounds),
      notes: [
        `The highest rate that held was ${highest.toFixed(0)} jobs a second: all answers came, p99 within ${HOLDS_P99_MS} ms.`,
        'Edge, NATS, worker and the sender of the requests share the machine.',
      ],
    });
  } finally {
    await stack.stop();
    sink.stop();
  }
}

/** The job and an empty request at the same rate. */
function atRate(stack: Stack, rate: number, share: number, quick: boolean): Contestant[] {
  const ms = quick ? QUICK_MS : ROUND_MS;
  const of = (figures: PaceFigures) => {
    if (figures.failed > 0) throw new Error(`${figures.failed} of ${figures.sent} requests failed`);
    const { p50, p99, p999, perSecond } = figures;
    return { p50, p99, 'p99.9': p999, answers: perSecond };
  };
  const name = `${(share * 100).toFixed(0)} %: ${rate.toFixed(0)}/s`;
  const empty: Pace = {
    ...{ url: `${stack.url}/healthz`, method: 'GET', headers: {}, perSecond: rate, ms, warmUpMs: WARM_UP_MS },
  };
  return [
    { name, kind: 'ours', measure: async () => of(await sendAtPace(jobs(stack, rate, ms))) },
    { name: `${name}, /healthz`, kind: 'limit', measure: async () => of(await sendAtPace(empty)) },
  ];
}

function jobs({ url, apiKey }: Stack, perSecond: number, ms: number): Pace {
  return {
    ...{ url: `${url}/v1/jobs`, method: 'POST', perSecond, ms, warmUpMs: WARM_UP_MS },
    headers: {
      ...{ authorization: `Bearer ${apiKey}`, 'content-type': 'application/json', prefer: 'wait=30' },
    },
    body: '{"operation":"echo","input":{"hello":"world"}}',
  };
}

/** Raises the rate until one does not hold, twice in a row. */
async function highestRate(stack: Stack): Promise<number> {
  let highest = 0;
  for (let rate = FIRST_RATE; rate < MOST_RATE; rate *= STEP) {
    if (!(await holds(stack, rate)) && !(await holds(stack, rate))) break;
    highest = rate;
  }
  if (highest === 0) throw new Error(`not even ${FIRST_RATE} jobs a second hold`);
  return highest;
}

async function holds(stack: Stack, rate: number): Promise<boolean> {
  const { failed, perSecond, p99 } = await sendAtPace(jobs(stack, rate, TRY_MS));
  return failed === 0 && perSecond >= rate * HOLDS_SHARE && p99 <= HOLDS_P99_MS;
}
