import type { Context } from 'hono';
import { dueAt } from '../../shared/delay.ts';
import { ThroughlineError } from '../../shared/errors.ts';
import { SubmitJob } from '../../shared/submit-job.ts';
import { writeJson } from '../../shared/wire.ts';
import type { SubmitCommand } from '../bridge/commands.ts';
import type { EdgeHono } from '../scope.ts';
import { fingerprintOf } from './fingerprint.ts';
import { jobIdFor } from './job-id.ts';
import { parseRequest } from './parse-request.ts';

/**
 * The command that one submitted job stands for.
 * @param inputLimit bytes of the input as JSON
 * @throws ThroughlineError `request-invalid` with the places that are wrong, `payload-too-large`
 */
export async function prepare(
  body: unknown,
  tenant: string,
  idempotencyKey: string | undefined,
  inputLimit: number,
): Promise<Omit<SubmitCommand, 'carrier'>> {
  const request = parseRequest(SubmitJob, body);
  checkInputSize(request, inputLimit);
  const now = Date.now();
  return {
    tenant,
    jobId: await jobIdFor(tenant, idempotencyKey),
    operation: request.operation,
    input: request.input,
    acceptedAt: new Date(now).toISOString(),
    dueAt: request.delay === undefined ? undefined : dueAtOf(request.delay, now),
    maxAttempts: request.maxAttempts,
    timeoutMs: request.timeout,
    waitMs: 0,
    fingerprint: idempotencyKey === undefined ? undefined : await fingerprintOf(request),
  };
}

/** Whose jobs this request is about. @throws ThroughlineError `unauthenticated` */
export function tenantOf(c: Context<EdgeHono>): string {
  const { identity } = c.env.intake;
  if (identity === undefined) throw new ThroughlineError('unauthenticated', 'a key is needed');
  return identity.tenant;
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
