import { makeEvent } from '../../../shared/job/event.ts';
import type { JobAddress } from '../../../shared/job/job-address.ts';
import type { EventKind } from '../../../shared/job/job-state.ts';
import type { Redrive } from '../../../shared/job/redrive.ts';
import { writeEventHeaders } from '../../../shared/wire/event-message.ts';
import { HEADER } from '../../../shared/wire/headers.ts';
import { HARNESS_SOURCE } from './queue.ts';
import { newTraceparent } from './traceparent.ts';

interface ForeignFacts {
  readonly attempt: number;
  /** The sequence of the job's last event. */
  readonly after: number;
  readonly redrive?: Redrive;
}

/** An event as another program writes it: the edge, or another worker. */
export function foreignEvent(
  kind: EventKind,
  { jobId, operation }: JobAddress,
  { attempt, after, redrive }: ForeignFacts,
): { readonly body: string; readonly headers: Readonly<Record<string, string>> } {
  const traceparent = newTraceparent();
  const [, traceId = '', spanId = ''] = traceparent.split('-');
  const now = new Date().toISOString();
  const job = { jobId, operation, acceptedAt: now, spec: { maxAttempts: 5 }, redrive };
  const isStart = kind === 'started';
  const facts = { attempt, worker: isStart ? 'another-worker' : '', traceId, spanId, at: now };
  const event = makeEvent(kind, job, isStart ? { ...facts, startedAt: now } : facts);
  const headers: Record<string, string> = {};
  const ids = { messageId: `${jobId}:foreign:${kind}:${after}`, source: HARNESS_SOURCE };
  writeEventHeaders(event, ids, { traceparent }, (name, value) => {
    headers[name] = value;
  });
  headers[HEADER.expectedLast] = String(after);
  return { body: JSON.stringify(event), headers };
}
