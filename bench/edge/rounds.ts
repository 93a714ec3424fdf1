import { findWrk, sendLoad } from '../support/load.ts';
import { median, processorMs } from '../support/measure.ts';
import { type EdgeVariant, type EdgeVariants, startVariants } from './variants.ts';

const AT_ONCE = 32;

export interface EdgeRounds {
  readonly rounds: number;
  /** How long each variant is measured in a round, in seconds. */
  readonly seconds: number;
}

/** The figures of one variant: one for each round. */
export interface EdgeFigures {
  readonly name: string;
  readonly perSecond: readonly number[];
  /** Processor time of workerd for a request, in microseconds. */
  readonly workerdUs: readonly number[];
  /** Processor time of nats-server for a request, in microseconds. */
  readonly serverUs: readonly number[];
}

/** What one round of one variant gave. */
interface Round {
  readonly name: string;
  readonly perSecond: number;
  readonly workerdUs: number;
  readonly serverUs: number;
}

/**
 * Measures `POST /v1/jobs`, 32 at once, beside the limit. Each round measures every variant once, in turns. One more round
 * before them warms up.
 */
export async function measureEdge({ rounds, seconds }: EdgeRounds): Promise<EdgeFigures[]> {
  const wrk = await findWrk();
  const variants = await startVariants();
  try {
    const measured: Round[] = [];
    for (let round = 0; round <= rounds; round++)
      for (const variant of variants.all) {
        const figures = await measure(variants, variant, seconds, wrk);
        if (round > 0) measured.push(figures);
      }
    return variants.all.map(({ name }) => figuresOf(name, measured));
  } finally {
    await variants.stop();
  }
}

async function measure(
  { tenant, server }: EdgeVariants,
  { name, url, workerd }: EdgeVariant,
  seconds: number,
  wrk: string | undefined,
): Promise<Round> {
  const [workerdBefore, serverBefore] = [processorMs(workerd), processorMs(server)];
  const load = {
    url: `${url}/v1/jobs`,
    headers: { authorization: `Bearer ${tenant.key}`, 'content-type': 'application/json' },
    body: '{"operation":"bench.nap","input":{"ms":1}}',
    ...{ connections: AT_ONCE, ms: seconds * 1_000 },
  };
  const { requests, failed, seconds: took } = await sendLoad(load, wrk);
  if (failed > 0 || requests === 0) throw new Error(`${name}: ${failed} of ${requests} requests failed`);
  return {
    name,
    perSecond: requests / took,
    workerdUs: ((processorMs(workerd) - workerdBefore) * 1e3) / requests,
    serverUs: ((processorMs(server) - serverBefore) * 1e3) / requests,
  };
}

function figuresOf(name: string, measured: readonly Round[]): EdgeFigures {
  const own = measured.filter((one) => one.name === name);
  return {
    name,
    perSecond: own.map(({ perSecond }) => perSecond),
    workerdUs: own.map(({ workerdUs }) => workerdUs),
    serverUs: own.map(({ serverUs }) => serverUs),
  };
}

/** The medians of a variant's rounds, and their ratios to those of the limit, round by round. */
export function besideLimit(figures: EdgeFigures, limit: EdgeFigures) {
  const ratios = (own: readonly number[], others: readonly number[]): number[] =>
    own.map((value, round) => value / (others[round] ?? Number.NaN));
  return {
    perSecond: median(figures.perSecond),
    workerdUs: median(figures.workerdUs),
    serverUs: median(figures.serverUs),
    speed: ratios(figures.perSecond, limit.perSecond),
    processor: ratios(figures.workerdUs, limit.workerdUs),
  };
}
