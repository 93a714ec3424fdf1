import { sha256Hex } from '../../shared/text/secret.ts';
import { withBridgeOf } from '../calls/placement.ts';

/** 160 bits: two runs never get the same id by chance. */
const ID_DIGITS = 40;
const PREFIX = 'sr_';

/** What the id of a run's job is made from. */
export interface RunPlace {
  readonly tenant: string;
  /** The name of the schedule. */
  readonly name: string;
  /** The time of the run in epoch milliseconds; for a triggered run, the key of the trigger. */
  readonly run: number | { readonly key: string };
}

/**
 * The id of the job of a run. The same schedule and time always give the same id, so a run that is made twice is one job.
 * The parts of the id are joined by line feeds, which no name and no key has. No caller can choose an id with this prefix.
 * @param orderingKey jobs of one key must go through one bridge
 */
export async function runJobId(
  { tenant, name, run }: RunPlace,
  orderingKey: string | undefined,
): Promise<string> {
  const place = typeof run === 'number' ? [run] : ['trigger', run.key];
  const id = `${PREFIX}${(await sha256Hex([tenant, name, ...place].join('\n'))).slice(0, ID_DIGITS)}`;
  return orderingKey === undefined ? id : withBridgeOf(id, `${tenant}/${orderingKey}`);
}

/** Whether a job is that of a run. */
export function isRunId(jobId: string): boolean {
  return jobId.startsWith(PREFIX);
}
