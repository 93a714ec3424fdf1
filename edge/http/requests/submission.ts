import type { Context } from 'hono';
import { dueAt } from '../../../shared/api/delay.ts';
import { SubmitJob } from '../../../shared/api/submit-job.ts';
import { ThroughlineError } from '../../../shared/errors.ts';
import { CALLBACK_ENDS, type Callback } from '../../../shared/wire/callback.ts';
import { writeJson } from '../../../shared/wire/json-body.ts';
import type { SubmitCommand } from '../../calls/commands.ts';
import type { Region } from '../../calls/region.ts';
import type { EdgeHono } from '../scope.ts';
import { fingerprintOf } from './fingerprint.ts';
import { jobIdFor } from './job-id.ts';
import { parseRequest } from './parse-request.ts';

/** Who submits, and how. */
export interface Submitter {
  readonly tenant: string;
  readonly idempotencyKey: string | undefined;
  /** Bytes of an input as JSON. */
  readonly inputLimit: number;
  /** Whose bridges take the job in; undefined: those of all regions. */
  readonly region: Region | undefined;
}

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
 * The command that one submitted job stands for.
 * @throws ThroughlineError `request-invalid` with the places that are wrong, `payload-too-large`
 */
export async function prepare(
  body: unknown,
  { tenant, idempotencyKey, inputLimit, region }: Submitter,
): Promise<Omit<SubmitCommand, 'carrier'>> {
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

/** Whose jobs this request is about. @throws ThroughlineError `unauthenticated` */
export function tenantOf(c: Context<EdgeHono>): string {
  const { identity } = c.env.requestContext;
  if (identity === undefined) throw new ThroughlineError('unauthenticated', 'a key is needed');
  return identity.tenant;
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
