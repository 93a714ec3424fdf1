import { type Context, type Span, SpanKind } from '@opentelemetry/api';
import { ATTR, WORKER_ATTR } from '../../shared/trace/semantics.ts';
import { serverAttributes } from '../../shared/trace/server-address.ts';
import { tracer } from '../telemetry/tracer.ts';
import type { Attempt } from './attempt/attempt.ts';

/** A shorter wait can be seen as the gap before `process`. */
const SHOWN_MS = 1_000;

/** Why a job waited, from one moment to another, in epoch milliseconds. */
interface Wait {
  readonly name: 'wait until due' | 'wait in queue' | 'wait for retry';
  readonly from: number;
  readonly to: number;
}

interface Waited {
  /** The span of the attempt. */
  readonly span: Span;
  /** The context of the span that sent the job; undefined if the attempt is not below it. */
  readonly sentIn: Context | undefined;
  /** When the broker stored the message in the queue, on its own clock. */
  readonly storedAt: Date;
  readonly attempt: Pick<Attempt, 'job' | 'previous' | 'startedAt' | 'acceptedAt'>;
  readonly server: string | undefined;
  /** By how many milliseconds this host's clock is ahead of that of the broker, as far as it is known. */
  readonly aheadMs: number;
}

/**
 * Shows how long the job waited before the attempt: for its time and in the queue, or for the next attempt. Each wait of a
 * second or more is a span beside that of the attempt, by the broker's timestamps. If the clock of this host differs from that
 * of the broker, the span of the attempt says so, and the waits are corrected. A wait that still ends before it starts is not
 * shown.
 */
export function recordWaits({ span, sentIn, storedAt, attempt, server, aheadMs }: Waited): void {
  const startedAt = Date.parse(attempt.startedAt);
  const skewMs = aheadMs === 0 ? Math.min(0, startedAt - storedAt.getTime()) : aheadMs;
  if (skewMs !== 0) span.setAttribute(WORKER_ATTR.clockSkewMs, skewMs);
  if (sentIn === undefined || !span.isRecording()) return;
  for (const { name, from, to } of waitsOf(attempt, storedAt.getTime(), startedAt - aheadMs)) {
    const ms = to - from;
    // A time that cannot be read makes it NaN.
    if (Number.isNaN(ms) || ms < SHOWN_MS) continue;
    const attributes = { ...serverAttributes(server), [ATTR.jobId]: attempt.job.address.jobId };
    tracer.startSpan(name, { kind: SpanKind.INTERNAL, startTime: from, attributes }, sentIn).end(to);
  }
}

/** @param begunAt when the attempt started, on the broker's clock */
function waitsOf(
  { job, previous, acceptedAt, startedAt: startedHere }: Waited['attempt'],
  storedAt: number,
  begunAt: number,
): Wait[] {
  if (previous !== undefined) {
    // Hosts wrote both times.
    const startedAt = Date.parse(startedHere);
    const endedAt = Date.parse(previous.at);
    const dueAt = Math.min(startedAt, endedAt + (previous.retryInMs ?? 0));
    return [
      { name: 'wait for retry', from: endedAt, to: dueAt },
      { name: 'wait in queue', from: dueAt, to: startedAt },
    ];
  }
  const delayed: Wait[] =
    job.spec.dueAt === undefined
      ? []
      : [{ name: 'wait until due', from: Date.parse(acceptedAt), to: storedAt }];
  return [...delayed, { name: 'wait in queue', from: storedAt, to: begunAt }];
}
