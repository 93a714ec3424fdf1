import { randomUUID } from 'node:crypto';
import { headers } from '@nats-io/transport-node';
import type { JobSpec } from '../../../shared/job/job-spec.ts';
import type { Redrive } from '../../../shared/job/redrive.ts';
import type { Carrier } from '../../../shared/propagation/index.ts';
import { writeJobHeaders } from '../../../shared/wire/job-message.ts';
import { writeJson } from '../../../shared/wire/json-body.ts';
import { pooledRoute, type Route } from '../../../shared/wire/lanes.ts';
import { jobSubject } from '../../../shared/wire/subjects.ts';
import type { Broker } from '../../../worker-node/broker/connection/broker.ts';
import { addressBySequence } from '../../../worker-node/jobs/decode.ts';
import type { SubmittedJob } from './submitted-job.ts';
import { newTraceparent, TRACEPARENT } from './traceparent.ts';

/** The tenant of the jobs of the harness. */
export const TENANT = 'conformance';

/** The `ce-source` of all that the harness publishes. */
export const HARNESS_SOURCE = '/throughline/conformance';

/** What a job of the harness has besides its operation and input. All of it has a default. */
export interface JobOptions {
  readonly tenant?: string;
  readonly jobId?: string;
  readonly spec?: JobSpec;
  readonly redrive?: Redrive;
  readonly route?: Route;
  readonly carrier?: Carrier;
  /** Instead of the input as JSON. */
  readonly body?: Uint8Array;
  /** Instead of the headers that the spec, the redrive and the carrier make. */
  readonly headers?: readonly (readonly [name: string, value: string])[];
  /** The `Nats-Msg-Id`; by default the job id. */
  readonly messageId?: string;
  /** Instead of the subject of the job: one that is not the subject of a job. */
  readonly wrongSubject?: string;
}

/** An id for a job. */
export function newJobId(): string {
  return randomUUID();
}

/** Publishes a job as the edge does. @throws whatever the NATS client throws */
export async function publishJob(
  { jetStream }: Broker,
  operation: string,
  input: unknown,
  options: JobOptions = {},
): Promise<SubmittedJob> {
  const { tenant = TENANT, jobId = newJobId(), route, spec = {}, redrive, body = writeJson(input) } = options;
  const { carrier = { traceparent: newTraceparent() } } = options;
  const address = { tenant, jobId, operation };
  const subject = options.wrongSubject ?? jobSubject(address, route ?? pooledRoute(address));
  const written = new Map<string, string>();
  const job = {
    address,
    acceptedAt: new Date().toISOString(),
    spec,
    redrive,
    source: HARNESS_SOURCE,
  };
  writeJobHeaders(job, carrier, (name, value) => written.set(name, value));
  if (options.messageId !== undefined) written.set('Nats-Msg-Id', options.messageId);
  const pairs = options.headers ?? [...written];
  const message = headers();
  for (const [name, value] of pairs) message.append(name, value);
  const { seq } = await jetStream.publish(subject, body, pairs.length === 0 ? {} : { headers: message });
  const named = options.wrongSubject === undefined ? address : addressBySequence({ sequence: seq });
  return { address: named, subject, sequence: seq, body, headers: pairs, traceId: traceIdIn(pairs) };
}

function traceIdIn(pairs: SubmittedJob['headers']): string | undefined {
  const found = pairs.filter(([name]) => name.toLowerCase() === 'traceparent');
  return found.length === 1 ? TRACEPARENT.exec(found[0]?.[1] ?? '')?.[1] : undefined;
}
