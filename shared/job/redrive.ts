/** How many times a job was redriven, and the traces that the job had before. */
import * as z from 'zod';

/**
 * How many earlier traces a job remembers. Older traces are forgotten, so that a header does not grow with every
 * redrive.
 */
const MAX_PREVIOUS = 20;
const TRACE_ID = /^[0-9a-f]{32}$/;

export const Redrive = z.object({
  /** How many times the job was redriven: 1 after the first redrive. */
  redriveCount: z.int().min(1),
  /** The traces that the job had before each redrive, the oldest first. */
  previousTraceIds: z.array(z.string()),
});
export type Redrive = z.infer<typeof Redrive>;

/** Whether `text` is a trace id: 32 lowercase hex digits. */
export function isTraceId(text: string | undefined): text is string {
  return text !== undefined && TRACE_ID.test(text);
}

/** Returns the newest of `traceIds`, as many as a header may hold. */
export function latestTraces(traceIds: readonly string[]): string[] {
  return traceIds.slice(-MAX_PREVIOUS);
}

/**
 * Adds one redrive to a job's earlier redrives.
 * @param traceId the trace that the job had until now; undefined if the trace is not known
 */
export function nextRedrive(last: Redrive | undefined, traceId: string | undefined): Redrive {
  const previous = [...(last?.previousTraceIds ?? []), ...(isTraceId(traceId) ? [traceId] : [])];
  return { redriveCount: (last?.redriveCount ?? 0) + 1, previousTraceIds: latestTraces(previous) };
}

/**
 * Returns the last event of a job; undefined if that event is older than the redrive with this count.
 * @param redriveCount 0 means that the job was not redriven
 */
export function eventOfRedrive<E extends { readonly redriveCount?: number | undefined }>(
  last: E | undefined,
  redriveCount: number,
): E | undefined {
  return last === undefined || (last.redriveCount ?? 0) < redriveCount ? undefined : last;
}
