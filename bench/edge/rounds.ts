import { findWrk, sendLoad } from '../load/load.ts';
import { processorMs } from '../support/measure.ts';
import { type EdgeVariant, type EdgeVariants, startVariants } from './variants.ts';

const AT_ONCE = 32;

export interface EdgeRounds {
  readonly rounds: number;
  /** How long each variant is measured in a round, in seconds. */
  readonly seconds: number;
  /** Rounds before the first that counts: the code is not compiled yet. */
  readonly warmUps: number;
}

/** The figures of one variant: one for each round. */
export interface EdgeFigures extends Pick<EdgeVariant, 'name' | 'isLimit'> {
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
 * Measures `POST /v1/jobs`, 32 at once, beside the limit. Each round measures every variant once, in turns.
 */
export async function measureEdge({ rounds, seconds, warmUps }: EdgeRounds): Promise<EdgeFigures[]> {
  const wrk = await findWrk();
  const variants = await startVariants();
  try {
    const measured: Round[] = [];
    for (let round = -warmUps; round < rounds; round++)
      for (const variant of variants.all) {
        const figures = await measure(variants, variant, seconds, wrk);
        if (round >= 0) measured.push(figures);
      }
    return variants.all.map((variant) => figuresOf(variant, measured));
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

function figuresOf({ name, isLimit }: EdgeVariant, measured: readonly Round[]): EdgeFigures {
  const own = measured.filter((one) => one.name === name);
  return {
    ...{ name, isLimit },
    perSecond: own.map(({ perSecond }) => perSecond),
    workerdUs: own.map(({ workerdUs }) => workerdUs),
    serverUs: own.map(({ serverUs }) => serverUs),
  };
}
