/**
 * How often a job was redriven, and the traces it had before. A job that was never redriven writes nothing of this on
 * the wire, so a program that does not know redrives reads and writes what it always did.
 */
import type { HeaderValues } from './headers.ts';

const MAX_REDRIVES = 1_000_000;
/** Older ones are forgotten: a header must not grow with every redrive. */
const MAX_PREVIOUS = 20;

export const REDRIVE_HEADER = {
  redriveCount: 'throughline-redrive-count',
  redriveOf: 'throughline-redrive-of',
} as const;

/** What a message says of its job's redrives. */
export interface Redrive {
  /** 1 for the first redrive. */
  readonly redriveCount: number;
  /** The traces before each redrive, oldest first. */
  readonly previousTraceIds: readonly string[];
}

/** The redrives of a job message, or undefined where there were none. What cannot be read counts as absent; never throws. */
export function readRedrive(values: HeaderValues): Redrive | undefined {
  const [text] = values(REDRIVE_HEADER.redriveCount);
  const redriveCount = text !== undefined && /^[0-9]{1,7}$/.test(text) ? Number(text) : 0;
  if (redriveCount < 1 || redriveCount > MAX_REDRIVES) return undefined;
  const ids = (values(REDRIVE_HEADER.redriveOf)[0] ?? '').split(',').filter(isTraceId);
  return { redriveCount, previousTraceIds: ids.slice(-MAX_PREVIOUS) };
}

/** Writes the headers that {@link readRedrive} reads. */
export function writeRedrive(
  { redriveCount, previousTraceIds }: Redrive,
  set: (name: string, value: string) => void,
): void {
  set(REDRIVE_HEADER.redriveCount, String(redriveCount));
  if (previousTraceIds.length > 0) set(REDRIVE_HEADER.redriveOf, previousTraceIds.join(','));
}

/** The redrives after one more. @param traceId the trace that the job had until now; undefined: it is not known */
export function nextRedrive(last: Redrive | undefined, traceId: string | undefined): Redrive {
  const previous = [...(last?.previousTraceIds ?? []), ...(isTraceId(traceId) ? [traceId] : [])];
  return { redriveCount: (last?.redriveCount ?? 0) + 1, previousTraceIds: previous.slice(-MAX_PREVIOUS) };
}

/** The `Nats-Msg-Id` of a redrive's job message: two requests for one letter, by its place in `DEAD`, are one message. */
export function redriveMessageId(jobId: string, letterSequence: number): string {
  return `${jobId}:redrive:${letterSequence}`;
}

/** A `Nats-Msg-Id` that differs after each redrive, and is `messageId` itself before the first. */
export function idPerRedrive(messageId: string, redriveCount = 0): string {
  return redriveCount === 0 ? messageId : `${messageId}:${redriveCount}`;
}

function isTraceId(text: string | undefined): text is string {
  return text !== undefined && /^[0-9a-f]{32}$/.test(text);
}
