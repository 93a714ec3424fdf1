import type { Context } from 'hono';
import { SubmitJob, specOf } from '../../../shared/api/submit-job.ts';
import type { SomeQuotas } from '../../../shared/api/usage.ts';
import { defined } from '../../../shared/defined.ts';
import { ThroughlineError } from '../../../shared/errors.ts';
import { isoTime } from '../../../shared/text/iso-time.ts';
import { encodeText } from '../../../shared/wire/json-body.ts';
import type { SubmitCommand } from '../../calls/commands.ts';
import type { Region } from '../../calls/placement.ts';
import type { EdgeHono } from '../edge-app.ts';
import { fingerprintOf, jobIdFor, jobIdForBridgeOf, readIdempotencyKey } from './idempotency.ts';
import { claimedQuotas, parseRequest, tenantOf } from './read-request.ts';

const MAX_UNIT_BYTES = 3;

/** Who submits a job, and what the request says about all jobs in it. */
export interface Submitter {
  readonly tenant: string;
  /** The quotas that the caller's token names. */
  readonly quotas?: SomeQuotas | undefined;
  readonly idempotencyKey: string | undefined;
  /** Milliseconds to wait for the job's end; 0, the default: not at all. */
  readonly waitMs?: number;
  /** The place of the job in its batch, from 0. Undefined: the request is for one job. */
  readonly place?: number;
  /** How many bytes an input may have as JSON. */
  readonly inputLimit: number;
  /** The region whose bridges take the job. Undefined: the bridges serve all regions. */
  readonly region: Region | undefined;
}

/** What a request asks for, and its input as JSON. */
interface Asked {
  readonly request: SubmitJob;
  readonly inputJson: string;
}

/** A job that is ready for the bridge, with its input as a value for the check. The call to the bridge adds the carrier. */
export interface PreparedJob extends Omit<SubmitCommand, 'carrier'> {
  readonly input: unknown;
}

/** The submitter of a request. @throws ThroughlineError `unauthenticated`, `request-invalid` for its idempotency key */
export function submitterOf(c: Context<EdgeHono>): Submitter {
  return {
    tenant: tenantOf(c),
    quotas: claimedQuotas(c),
    idempotencyKey: readIdempotencyKey(c.req.header('idempotency-key')),
    inputLimit: c.env.config.MAX_INPUT_BYTES,
    region: c.env.bridge.region,
  };
}

/**
 * Checks one submitted job, and makes the command for the bridge from it.
 * @throws ThroughlineError `request-invalid` with each place that is wrong, `payload-too-large`
 */
export function prepare(body: unknown, submitter: Submitter): PreparedJob | Promise<PreparedJob> {
  const request = parseRequest(SubmitJob, body);
  const asked = { request, inputJson: inputJsonOf(request, submitter.inputLimit) };
  const id = idOf(request, submitter);
  if (submitter.idempotencyKey === undefined && typeof id === 'string')
    return preparedOf(asked, submitter, id, undefined);
  return prepareLate(asked, submitter, id);
}

async function prepareLate(
  asked: Asked,
  submitter: Submitter,
  id: string | Promise<string>,
): Promise<PreparedJob> {
  const isKeyed = submitter.idempotencyKey !== undefined;
  const [jobId, fingerprint] = await Promise.all([id, isKeyed ? fingerprintOf(asked.request) : undefined]);
  return preparedOf(asked, submitter, jobId, fingerprint);
}

function preparedOf(
  { request, inputJson }: Asked,
  { tenant, quotas, waitMs = 0 }: Submitter,
  jobId: string,
  fingerprint: string | undefined,
): PreparedJob {
  const now = Date.now();
  return {
    tenant,
    quotas,
    jobId,
    operation: request.operation,
    input: request.input,
    inputJson,
    acceptedAt: isoTime(now),
    spec: defined({ ...specOf(request, now), fingerprint }),
    unique: request.unique,
    waitMs,
  };
}

function idOf({ operation, orderingKey, unique }: SubmitJob, submitter: Submitter): string | Promise<string> {
  const { tenant, idempotencyKey: key, place, region } = submitter;
  const keyed = key === undefined ? undefined : { key, place };
  const common = unique === undefined ? orderingKey : `${operation}/${unique.key}`;
  if (common === undefined) return jobIdFor(tenant, keyed, region);
  return jobIdForBridgeOf(tenant, keyed, common);
}

/** The input as JSON. @throws ThroughlineError `payload-too-large` */
export function inputJsonOf({ input }: Pick<SubmitJob, 'input'>, limit: number): string {
  // A UTF-16 unit has at most three bytes in UTF-8, so most inputs need not be encoded to be measured.
  const text = JSON.stringify(input) ?? 'null';
  if (text.length * MAX_UNIT_BYTES <= limit || encodeText(text).length <= limit) return text;
  throw new ThroughlineError('payload-too-large', `the input is larger than ${limit} bytes of JSON`, {
    violations: [{ path: '/input', message: `at most ${limit} bytes` }],
  });
}
