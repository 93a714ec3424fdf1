import { ThroughlineError } from '../../shared/errors.ts';
import { type JobEvent, jobOfEvent } from '../../shared/job/event.ts';
import { type CallbackTask, callbackId } from '../../shared/wire/callback-task.ts';
import { EVENT_TYPE_PREFIX } from '../../shared/wire/headers.ts';
import { parseTarget } from '../operations/targets/target-url.ts';
import { type PostAnswer, post } from './post.ts';
import { type CallbackSecrets, signatureOf } from './signature.ts';
import type { TargetGuard } from './target-guard.ts';

const CLOUD_EVENT_MEDIA_TYPE = 'application/cloudevents+json';
const SOURCE = '/throughline';

export interface SendCallbackParts {
  readonly guard: TargetGuard;
  readonly secrets: CallbackSecrets;
}

/** The `traceparent` values that a callback carries. */
interface CallbackTrace {
  /** The value in the body: the job's trace, the same at each delivery. */
  readonly ofJob: string | undefined;
  /** The value in the header: the span of this delivery. */
  readonly ofDelivery: string | undefined;
}

/**
 * Sends the end of a job, signed, to the URL of its callback. Of the trace fields, only `traceparent` is sent:
 * `tracestate` and `baggage` are not for the receiver.
 * @throws ThroughlineError `target-refused` for the URL itself, `callback-unsigned`, `callback-failed` when there is no answer
 */
export async function sendCallback(
  { guard, secrets }: SendCallbackParts,
  { tenant, url: target, event }: CallbackTask,
  trace: CallbackTrace,
  signal: AbortSignal,
): Promise<PostAnswer> {
  const url = parseTarget(target) ?? new URL(target);
  const lookup = guard.admit(url);
  const id = callbackId(event);
  const body = cloudEventOf(event, trace.ofJob);
  const timestamp = Math.floor(Date.now() / 1_000);
  const headers = {
    'content-type': CLOUD_EVENT_MEDIA_TYPE,
    'content-length': String(Buffer.byteLength(body)),
    'user-agent': 'throughline',
    'webhook-id': id,
    'webhook-timestamp': String(timestamp),
    'webhook-signature': signatureOf({ id, timestamp, body }, secrets.of(tenant)),
    ...(trace.ofDelivery === undefined ? {} : { traceparent: trace.ofDelivery }),
  };
  return await post({ url, headers, body, lookup }, signal).catch(unreachable);
}

/**
 * All that can go wrong on the way to the receiver looks the same to the caller: a name that leads to a refused address, one
 * that does not exist, an address where nobody listens. A caller must not learn what the worker's network has. The cause,
 * for the log and the span, says which it was.
 */
function unreachable(cause: unknown): never {
  throw new ThroughlineError('callback-failed', 'the receiver cannot be reached', { cause });
}

/**
 * Writes the end of a job as a CloudEvent 1.0 in structured mode, with the job as the HTTP API shows it. The text is
 * the same at each delivery.
 * @param traceparent of the job's trace (CloudEvents, "Distributed Tracing" extension)
 */
function cloudEventOf(event: JobEvent, traceparent: string | undefined): string {
  return JSON.stringify({
    specversion: '1.0',
    id: callbackId(event),
    source: SOURCE,
    type: `${EVENT_TYPE_PREFIX}${event.kind}`,
    time: event.at,
    subject: event.jobId,
    datacontenttype: 'application/json',
    ...(traceparent === undefined ? {} : { traceparent }),
    data: jobOfEvent(event),
  });
}
