import { type JobEvent, jobOfEvent } from '../../shared/job/event.ts';
import { callbackId } from '../../shared/wire/callback-task.ts';
import { EVENT_TYPE_PREFIX } from '../../shared/wire/cloud-event.ts';

export const CLOUD_EVENT_MEDIA_TYPE = 'application/cloudevents+json';
const SOURCE = '/throughline';

/**
 * The job's end as a CloudEvent 1.0 in structured mode, with the job as the HTTP API shows it. It is the same text at
 * each delivery.
 * @param traceparent of the job's trace (CloudEvents, "Distributed Tracing" extension); the header says which delivery
 */
export function cloudEventOf(event: JobEvent, traceparent: string | undefined): string {
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
