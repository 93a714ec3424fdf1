/**
 * The headers of a redriven job. A job that was never redriven has none of these headers. A program that does not know
 * redrives can therefore read and write such jobs.
 */
import { isTraceId, latestTraces, type Redrive } from '../job/redrive.ts';
import { wholeNumberHeader } from './header-codec.ts';
import { HEADER, type HeaderValues, type SetHeader } from './headers.ts';

const REDRIVE_COUNT = wholeNumberHeader(HEADER.redriveCount, 1, 1_000_000);

/**
 * Reads the redrives of a job message; undefined if the job was never redriven. A header that cannot be read is
 * ignored. Never throws.
 */
export function readRedrive(values: HeaderValues): Redrive | undefined {
  const redriveCount = REDRIVE_COUNT.read(values);
  if (redriveCount === undefined) return undefined;
  const traceIds = (values(HEADER.previousTraceIds)[0] ?? '').split(',').filter(isTraceId);
  return { redriveCount, previousTraceIds: latestTraces(traceIds) };
}

/** Writes the headers that {@link readRedrive} reads. */
export function writeRedrive({ redriveCount, previousTraceIds }: Redrive, set: SetHeader): void {
  REDRIVE_COUNT.write(redriveCount, set);
  if (previousTraceIds.length > 0) set(HEADER.previousTraceIds, previousTraceIds.join(','));
}

/**
 * Returns the `Nats-Msg-Id` of a redriven job. Two requests to redrive the same dead letter give the same id, so NATS
 * drops the second message.
 */
export function redriveMessageId(jobId: string, deadSequence: number): string {
  return `${jobId}:redrive:${deadSequence}`;
}

/** Returns a `Nats-Msg-Id` that is different after each redrive. Before the first redrive it is `messageId` itself. */
export function idPerRedrive(messageId: string, redriveCount = 0): string {
  return redriveCount === 0 ? messageId : `${messageId}:${redriveCount}`;
}
