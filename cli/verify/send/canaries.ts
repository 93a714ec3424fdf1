import { CANARY_OPERATION, CANARY_TAG } from '../../../shared/trace/canary.ts';

/** What a canary job does besides being a job. */
export interface Canary {
  readonly name: string;
  /** What is checked with it. */
  readonly checks: string;
  /** How many jobs one request submits. */
  readonly jobs?: number;
  /** The input of the operation `throughline.canary`. */
  readonly input?: { readonly failures?: number; readonly failUntilRedriven?: true };
  /** More fields of the job. */
  readonly job?: { readonly delay?: string; readonly maxAttempts?: number };
  /** Whether its request waits for the result. */
  readonly waits?: true;
  /** What its request sends beside `traceparent`. */
  readonly sends?: 'baggage' | 'tracestate' | 'unsampled';
  /** What is needed that not every system has. */
  readonly needs?: 'outbox' | 'callback';
}

/** The attempts that the retried canary needs. */
const RETRIES = 1;

/** The canary jobs, in the order in which they are reported. */
const CANARIES = [
  { name: 'plain', checks: 'each hop of a job, and of its result on the way back', waits: true },
  { name: 'baggage', checks: 'that `baggage` reaches the operation', sends: 'baggage' },
  { name: 'tracestate', checks: 'that `tracestate` reaches the operation', sends: 'tracestate' },
  { name: 'unsampled', checks: 'that a caller who asks for no spans gets none', sends: 'unsampled' },
  {
    name: 'retried',
    checks: 'that a second attempt is in the trace, and links to the first',
    input: { failures: RETRIES },
  },
  { name: 'delayed', checks: 'that a job that waits for its time stays in its trace', job: { delay: '1s' } },
  { name: 'batch', checks: 'that each of many jobs of one request has its own context', jobs: 4 },
  { name: 'outbox', checks: 'that a job that was in the outbox stays in its trace', needs: 'outbox' },
  {
    name: 'redriven',
    checks: 'that a redrive has a new trace, which links to the old one',
    input: { failUntilRedriven: true },
    job: { maxAttempts: 1 },
  },
  {
    name: 'callback',
    checks: 'that a callback carries the context, and no `baggage`',
    sends: 'baggage',
    needs: 'callback',
  },
] as const satisfies readonly Canary[];

export type CanaryName = (typeof CANARIES)[number]['name'];

export const CANARY_NAMES: readonly CanaryName[] = CANARIES.map(({ name }) => name);

/** The canaries with these names, or all. */
export function canariesNamed(names: readonly string[] | undefined): readonly Canary[] {
  return CANARIES.filter(({ name }) => names === undefined || names.includes(name));
}

/** The body of the request for a canary job. */
export function submissionOf({ input = {}, job = {} }: Canary, callbackUrl: string | undefined) {
  return {
    operation: CANARY_OPERATION,
    input,
    tags: [CANARY_TAG],
    timeout: '10s',
    ...job,
    ...(callbackUrl === undefined ? {} : { callback: { url: callbackUrl } }),
  };
}
