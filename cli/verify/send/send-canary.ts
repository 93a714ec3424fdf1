import type { IncomingHttpHeaders } from 'node:http';
import * as z from 'zod';
import { ApiError } from '../../../client/errors.ts';
import type { Job } from '../../../shared/job/job.ts';
import { isTerminal } from '../../../shared/job/job-state.ts';
import type { ApiClient } from '../../api-client.ts';
import { type Canary, submissionOf } from './canaries.ts';
import type { Caller } from './canary-caller.ts';
import { redriveRefusal } from './refusal.ts';

/** The longest that the API is asked to wait for a result. */
const WAIT_SECONDS = 20;

/** What the operation `throughline.canary` says. */
const Arrived = z.object({
  traceId: z.string(),
  spanId: z.string(),
  sampled: z.boolean(),
  /** Absent from older workers. */
  random: z.boolean().optional(),
  baggage: z.string().optional(),
  tracestate: z.string().optional(),
});
type Arrived = z.infer<typeof Arrived>;

/** A canary job that has ended, or that did not in time. */
export interface SentJob {
  readonly job: Job;
  /** Which context arrived at the operation; undefined if the job did not succeed. */
  readonly arrived: Arrived | undefined;
}

/** A canary that was sent, and its jobs at their ends. */
export interface SentCanary {
  readonly canary: Canary;
  readonly caller: Caller;
  readonly jobs: readonly SentJob[];
  /** Whether the request of the only job got the result. */
  readonly isAnswered: boolean;
  /** The job as it was before it was redriven. */
  readonly died?: Job;
  /** Whether a job was in the outbox when it was accepted. */
  readonly wasInOutbox: boolean;
  /** The callback of the job; without headers if none came. */
  readonly callback?: { readonly url: string; readonly headers: IncomingHttpHeaders | undefined };
  /** By this machine's clock, in epoch milliseconds. */
  readonly sentAt: number;
}

interface SendParts {
  readonly api: ApiClient;
  /** Where the callback of the job goes, and its headers once it came. */
  readonly callback: { readonly url: string; readonly headers: Promise<IncomingHttpHeaders> } | undefined;
  /** Aborts when a job should have ended. A request that is under way then is answered, or has a time limit of its own. */
  readonly signal: AbortSignal;
}

/**
 * Sends a canary and waits until its jobs have ended.
 * @returns the jobs as they are when `parts.signal` aborts, if they have not ended by then
 * @throws ApiError, CliError when the API does not take the job; CannotCheck when it lacks what the canary needs
 */
export async function sendCanary(canary: Canary, caller: Caller, parts: SendParts): Promise<SentCanary> {
  const sentAt = Date.now();
  const { jobs, isAnswered } = await submit(canary, caller, parts);
  const ended = await Promise.all(jobs.map((job) => endOf(job, parts)));
  const [first] = ended;
  const isRedriven = canary.input?.failUntilRedriven === true && first?.state === 'failed';
  const last = isRedriven ? [await redrive(first, parts)] : ended;
  return {
    canary,
    caller,
    isAnswered,
    sentAt,
    wasInOutbox: jobs.some(({ durability }) => durability === 'outbox'),
    jobs: last.map((job) => ({ job, arrived: Arrived.safeParse(job.result).data })),
    ...(isRedriven ? { died: first } : {}),
    ...(parts.callback === undefined ? {} : { callback: await received(parts.callback, parts.signal) }),
  };
}

async function submit(
  canary: Canary,
  { carrier }: Caller,
  { api, callback }: SendParts,
): Promise<{ readonly jobs: readonly Job[]; readonly isAnswered: boolean }> {
  const submission = submissionOf(canary, callback?.url);
  const options = { trace: carrier };
  if (canary.jobs !== undefined) {
    const { results } = await api.submitBatch(Array(canary.jobs).fill(submission), options);
    const jobs = results.map((result) => {
      if ('job' in result) return result.job;
      const { status, problem } = result;
      throw new ApiError({ status, url: api.jobsUrl, text: JSON.stringify(problem) });
    });
    return { jobs, isAnswered: false };
  }
  const waitSeconds = canary.waits ? WAIT_SECONDS : undefined;
  const { job } = await api.submit(submission, { ...options, waitSeconds });
  return { jobs: [job], isAnswered: canary.waits === true && isTerminal(job.state) };
}

/** The job at its end, or as it is when the time is over. */
async function endOf(job: Job, { api, signal }: SendParts): Promise<Job> {
  try {
    return await api.wait(job.id, { signal });
  } catch (thrown) {
    if (!signal.aborted) throw thrown;
    return await api.get(job.id);
  }
}

/** The headers of the callback, or none if it does not come in time. */
async function received(
  { url, headers }: NonNullable<SendParts['callback']>,
  signal: AbortSignal,
): Promise<NonNullable<SentCanary['callback']>> {
  const late = Promise.withResolvers<undefined>();
  const onAbort = (): void => late.resolve(undefined);
  if (signal.aborted) onAbort();
  signal.addEventListener('abort', onAbort, { once: true });
  return { url, headers: await Promise.race([headers, late.promise]) };
}

async function redrive(dead: Job, parts: SendParts): Promise<Job> {
  await parts.api.redrive(dead.id).catch((thrown: unknown) => {
    throw redriveRefusal(thrown);
  });
  return await endOf(dead, parts);
}
