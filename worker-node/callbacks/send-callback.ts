import type { CallbackSecrets } from '../../shared/callback-secrets.ts';
import { ThroughlineError } from '../../shared/errors.ts';
import { type CallbackTask, callbackId } from '../../shared/wire/callback-task.ts';
import { USER_AGENT } from '../node-http.ts';
import { parseTarget } from '../operations/targets/target-url.ts';
import { callbackBody } from './callback-body.ts';
import { type PostAnswer, post } from './post.ts';
import { signatureOf } from './signature.ts';
import type { TargetGuard } from './target-guard.ts';

const CLOUD_EVENT_MEDIA_TYPE = 'application/cloudevents+json';

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
  const keys = await secrets.of(tenant);
  const body = callbackBody({ tenant, audience: url.origin, event }, trace.ofJob);
  const timestamp = Math.floor(Date.now() / 1_000);
  const headers = {
    'content-type': CLOUD_EVENT_MEDIA_TYPE,
    'content-length': String(Buffer.byteLength(body)),
    'user-agent': USER_AGENT,
    'webhook-id': id,
    'webhook-timestamp': String(timestamp),
    'webhook-signature': signatureOf({ id, timestamp, body }, keys),
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
