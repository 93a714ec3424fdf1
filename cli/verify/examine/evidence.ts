import { isTraceId } from '../../../shared/job/redrive.ts';
import type { SpanRecord } from '../../../shared/trace/span-record.ts';
import type { StoredTrace, TraceStore } from '../../trace/stores/trace-store.ts';
import type { SentCanary, SentJob } from '../send/send-canary.ts';

/** All that is known about a canary: what was sent, what its jobs say, and what the trace store has. */
export interface Evidence {
  readonly sent: SentCanary;
  /** The trace that the caller started. */
  readonly own: StoredTrace;
  /** Spans of other traces in which the canary's jobs were. */
  readonly elsewhere: readonly SpanRecord[];
  /** When the store was asked, by this machine's clock, in epoch milliseconds. */
  readonly readAt: number;
}

/** Reads the traces of a canary. @throws CliError `traces-unreachable` or `answer-invalid` */
export async function gatherEvidence(
  sent: SentCanary,
  store: TraceStore,
  signal: AbortSignal,
): Promise<Evidence> {
  const others = new Set(sent.jobs.flatMap(tracesOf));
  others.delete(sent.caller.traceId);
  const [own, ...rest] = await Promise.all([
    store.read(sent.caller.traceId, signal),
    ...[...others].map((traceId) => store.read(traceId, signal)),
  ]);
  return { sent, own, elsewhere: rest.flatMap(({ spans }) => spans), readAt: Date.now() };
}

/** The traces in which a job was, as far as the API and the operation say. */
function tracesOf({ job, arrived }: SentJob): string[] {
  return [job.traceId, arrived?.traceId, ...(job.previousTraceIds ?? [])].filter(isTraceId);
}
