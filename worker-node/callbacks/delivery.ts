import { type CallbackTask, callbackId } from '../../shared/wire/callback-task.ts';
import { CLOUD_EVENT_MEDIA_TYPE, cloudEventOf } from './cloud-event.ts';
import { type PostAnswer, post } from './post.ts';
import type { CallbackSecrets } from './secrets.ts';
import { signatureOf } from './signature.ts';
import type { TargetGuard } from './target-guard.ts';

export interface DeliveryParts {
  readonly guard: TargetGuard;
  readonly secrets: CallbackSecrets;
}

export interface DeliveryTrace {
  /** Of the job: the same at each delivery. */
  readonly ofJob: string | undefined;
  /** Of this delivery. */
  readonly ofDelivery: string | undefined;
}

/**
 * Sends the end of a job to whoever asked for it, signed. Of the trace only `traceparent` leaves: `tracestate` and
 * `baggage` are between the caller and us.
 * @throws ThroughlineError `target-refused`, `callback-unsigned`; whatever Node throws when there is no answer
 */
export async function deliver(
  { guard, secrets }: DeliveryParts,
  { tenant, url: target, event }: CallbackTask,
  trace: DeliveryTrace,
  signal: AbortSignal,
): Promise<PostAnswer> {
  const url = new URL(target);
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
  return await post({ url, headers, body, lookup }, signal);
}
