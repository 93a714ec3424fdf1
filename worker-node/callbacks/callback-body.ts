import { type JobEvent, jobOfEvent } from '../../shared/job/event.ts';
import { callbackId } from '../../shared/wire/callback-task.ts';
import { EVENT_TYPE_PREFIX } from '../../shared/wire/headers.ts';

const SOURCE = '/throughline';

/** What a callback says, beside its trace. */
interface SignedEnd {
  readonly tenant: string;
  /** The origin of the receiver's URL. */
  readonly audience: string;
  readonly event: JobEvent;
}

/**
 * Writes the end of a job as a CloudEvent 1.0 in structured mode, with the job as the HTTP API shows it. The text is
 * the same at each delivery. The signature covers it, and so it covers whose callback this is, and for which receiver:
 * the attributes `tenant` and `audience`, which are extensions of ours.
 * @param traceparent of the job's trace (CloudEvents, "Distributed Tracing" extension)
 */
export function callbackBody(
  { tenant, audience, event }: SignedEnd,
  traceparent: string | undefined,
): string {
  return JSON.stringify({
    specversion: '1.0',
    id: callbackId(event),
    source: SOURCE,
    type: `${EVENT_TYPE_PREFIX}${event.kind}`,
    time: event.at,
    subject: event.jobId,
    datacontenttype: 'application/json',
    tenant,
    audience,
    ...(traceparent === undefined ? {} : { traceparent }),
    data: jobOfEvent(event),
  });
}
