import type { Job } from '../../../shared/job/job.ts';
import type { SpanRecord } from '../../../shared/trace/span-record.ts';
import type { Fault } from '../report.ts';
import type { SentJob } from '../send/send-canary.ts';
import { BRIDGE_LOST_IT } from './causes.ts';
import type { Evidence } from './evidence.ts';
import { spansOf } from './span-roles.ts';

const HOP = 'dead letter → redrive';

/**
 * A redrive must have a trace of its own, whose first span links to the span that sent the job before.
 * @param died the job before it was redriven
 * @param before that span
 */
export function examineRedrive(
  { own, elsewhere }: Evidence,
  died: Job,
  { job }: SentJob,
  before: SpanRecord,
): Fault | undefined {
  if (spansOf(own.spans, 'process', job.id).length === 0) {
    const found = "the worker's span of the attempt that died is missing";
    return { hop: 'bridge → worker', found, cause: 'look at the fault of the plain canary' };
  }
  if (job.traceId === died.traceId) {
    return fault(
      'the redriven job runs in its old trace',
      'the edge is older than redrives with a trace of their own',
    );
  }
  const [send] = spansOf(elsewhere, 'send', job.id).filter(({ traceId }) => traceId === job.traceId);
  if (send === undefined) {
    return fault(
      `the span that sent the job again is missing in its new trace ${job.traceId}`,
      BRIDGE_LOST_IT,
    );
  }
  if (!send.links.some(({ spanId, traceId }) => spanId === before.spanId && traceId === before.traceId)) {
    return fault(
      'the new trace of the redriven job has no link to its old one',
      'the dead letter lost its `traceparent`, or something removes links on the way to the trace store',
    );
  }
  const attempt = spansOf(elsewhere, 'process', job.id).find(
    ({ parentSpanId }) => parentSpanId === send.spanId,
  );
  if (attempt !== undefined) return undefined;
  return {
    hop: 'bridge → worker',
    found: 'the attempt after the redrive is not in the new trace',
    cause: 'the message of the redrive lost its `traceparent` before the worker read it',
  };
}

const fault = (found: string, cause: string): Fault => ({ hop: HOP, found, cause });
