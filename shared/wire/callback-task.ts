/**
 * The callback task: a message on `callbacks.<tenant>.<jobId>` that asks a worker to send the callback of an ended job.
 * The task holds the event that ended the job, so the worker does not have to look up anything.
 */

import { type Callback, isCallbackUrl } from '../job/callback.ts';
import { isTerminalEvent, type JobEvent } from '../job/event.ts';
import { type Carrier, setCarrier } from '../propagation/index.ts';
import { readJobEvent } from './event-message.ts';
import { EVENT_TYPE_PREFIX, HEADER, type HeaderValues, type SetHeader, writeCloudEvent } from './headers.ts';
import { idPerRedrive } from './redrive.ts';
import { parseCallbackSubject } from './subjects.ts';

export interface CallbackTask {
  readonly tenant: string;
  readonly url: string;
  /** The event that ended the job. */
  readonly event: JobEvent;
}

/** Makes the callback task of an ended job; undefined if the job asked for no callback at this end. */
export function callbackTask(
  tenant: string,
  callback: Callback | undefined,
  event: JobEvent,
): CallbackTask | undefined {
  if (callback === undefined || !callback.events.some((end) => end === event.kind)) return undefined;
  return { tenant, url: callback.url, event };
}

/**
 * Returns the id of the CloudEvent and of the webhook. This is the id of the event that ended the job, and it is the
 * same at each delivery.
 */
export function callbackId({ jobId, redriveCount }: Pick<JobEvent, 'jobId' | 'redriveCount'>): string {
  return idPerRedrive(`${jobId}:end`, redriveCount);
}

/**
 * Writes the headers of a callback task. The body of the task is the event as JSON. JetStream drops a second task for
 * the same end of a job.
 */
export function writeCallbackTask(
  { url, event }: CallbackTask,
  source: string,
  carrier: Carrier,
  set: SetHeader,
): void {
  set(HEADER.msgId, idPerRedrive(`${event.jobId}:callback`, event.redriveCount));
  writeCloudEvent(set, {
    id: callbackId(event),
    source,
    type: `${EVENT_TYPE_PREFIX}${event.kind}`,
    time: event.at,
  });
  set(HEADER.callbackUrl, url);
  setCarrier(carrier, set);
}

/** Reads a callback task. Returns undefined if the message is not a task: another program may write to the subject. */
export function readCallbackTask(
  subject: string,
  values: HeaderValues,
  body: Uint8Array,
): CallbackTask | undefined {
  const job = parseCallbackSubject(subject);
  const [url] = values(HEADER.callbackUrl);
  const event = readJobEvent(body);
  if (job === undefined || url === undefined || event === undefined) return undefined;
  if (!isCallbackUrl(url) || !isTerminalEvent(event) || event.jobId !== job.jobId) return undefined;
  return { tenant: job.tenant, url, event };
}
