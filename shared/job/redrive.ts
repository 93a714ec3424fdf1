/** How often a job was redriven, and the traces it had before. */
import * as z from 'zod';

/** Older traces are forgotten: a header must not grow with every redrive. */
const MAX_PREVIOUS = 20;
const TRACE_ID = /^[0-9a-f]{32}$/;

export const Redrive = z.object({
  /** 1 after the first redrive. */
  redriveCount: z.int().min(1),
  /** The traces before each redrive, oldest first. */
  previousTraceIds: z.array(z.string()),
});
export type Redrive = z.infer<typeof Redrive>;

/** Whether `text` is the id of a trace: 32 lowercase hex digits. */
export function isTraceId(text: string | undefined): text is string {
  return text !== undefined && TRACE_ID.test(text);
}

/** The newest of `traceIds`, as many as a header may hold. */
export function latestTraces(traceIds: readonly string[]): string[] {
  return traceIds.slice(-MAX_PREVIOUS);
}

/** The redrives after one more. @param traceId the trace that the job had until now; undefined: it is not known */
export function nextRedrive(last: Redrive | undefined, traceId: string | undefined): Redrive {
  const previous = [...(last?.previousTraceIds ?? []), ...(isTraceId(traceId) ? [traceId] : [])];
  return { redriveCount: (last?.redriveCount ?? 0) + 1, previousTraceIds: latestTraces(previous) };
}

/**
 * The last event of a job, unless the event is older than the redrive that is asked about.
 * @param redriveCount 0: no redrive
 */
export function eventOfRedrive<E extends { readonly redriveCount?: number | undefined }>(
  last: E | undefined,
  redriveCount: number,
): E | undefined {
  return last === undefined || (last.redriveCount ?? 0) < redriveCount ? undefined : last;
}
