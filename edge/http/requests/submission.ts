import type { Context } from 'hono';
import { dueAt } from '../../../shared/api/delay.ts';
import { SubmitJob } from '../../../shared/api/submit-job.ts';
import { ThroughlineError } from '../../../shared/errors.ts';
import { CALLBACK_ENDS, type Callback } from '../../../shared/wire/callback.ts';
import { writeJson } from '../../../shared/wire/json-body.ts';
import type { SubmitCommand } from '../../calls/commands.ts';
import type { Region } from '../../calls/region.ts';
import type { EdgeHono } from '../edge-app.ts';
import { fingerprintOf, jobIdFor } from './idempotency.ts';
import { parseRequest, tenantOf } from './read-request.ts';

/** Who submits a job, and what the request says about all jobs in it. */
export interface Submitter {
  readonly tenant: string;
  readonly idempotencyKey: string | undefined;
  /** How many bytes an input may have as JSON. */
  readonly inputLimit: number;
  /** The region whose bridges take the job. Undefined: the bridges serve all regions. */
  readonly region: Region | undefined;
}

/** A job that is ready for the bridge. The call to the bridge adds the trace context. */
export type PreparedJob = Omit<SubmitCommand, 'carrier'>;

/** The submitter of a request. @throws ThroughlineError `unauthenticated` */
export function submitterOf(c: Context<EdgeHono>): Submitter {
  return {
    tenant: tenantOf(c),
    idempotencyKey: c.req.header('idempotency-key'),
    inputLimit: c.env.config.MAX_INPUT_BYTES,
    region: c.env.bridge.region,
  };
}

/**
 * Checks one submitted job, and makes the command for the bridge from it.
 * @throws ThroughlineError `request-invalid` with each place that is wrong, `payload-too-large`
 */
export async function prepare(
  body: unknown,
  { tenant, idempotencyKey, inputLimit, region }: Submitter,
): Promise<PreparedJob> {
  const request = parseRequest(SubmitJob, body);
  checkInputSize(request, inputLimit);
  const now = Date.now();
  return {
    tenant,
    jobId: await jobIdFor(tenant, idempotencyKey, region),
    operation: request.operation,
    input: request.input,
    acceptedAt: new Date(now).toISOString(),
    dueAt: request.delay === undefined ? undefined : dueAtOf(request.delay, now),
    maxAttempts: request.maxAttempts,
    timeoutMs: request.timeout,
    callback: callbackOf(request),
    waitMs: 0,
    fingerprint: idempotencyKey === undefined ? undefined : await fingerprintOf(request),
  };
}

function callbackOf({ callback }: SubmitJob): Callback | undefined {
  return callback && { url: callback.url, events: callback.events ?? CALLBACK_ENDS };
}

function dueAtOf(delay: string, now: number): string | undefined {
  const due = dueAt(delay, now);
  if (due !== 'too-far') return due === undefined ? undefined : new Date(due).toISOString();
  throw new ThroughlineError('request-invalid', '/delay: a job can wait for at most 30 days', {
    violations: [{ path: '/delay', message: 'at most 30 days' }],
  });
}

function checkInputSize({ input }: SubmitJob, limit: number): void {
  if (writeJson(input).length <= limit) return;
  throw new ThroughlineError('payload-too-large', `the input is larger than ${limit} bytes of JSON`, {
    violations: [{ path: '/input', message: `at most ${limit} bytes` }],
  });
}
