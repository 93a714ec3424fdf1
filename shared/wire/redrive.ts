/**
 * The headers of a redriven job. A job that was never redriven has none of them, so a program that knows no
 * redrives can read and write such jobs.
 */
import { isTraceId, latestTraces, type Redrive } from '../job/redrive.ts';
import { wholeNumberHeader } from './header-codec.ts';
import { HEADER, type HeaderValues, type SetHeader } from './headers.ts';

const REDRIVE_COUNT = wholeNumberHeader(HEADER.redriveCount, 1, 1_000_000);

/**
 * The redrives of a job message, or undefined if the job was never redriven. A header that cannot be read is ignored.
 * Never throws.
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

/** The `Nats-Msg-Id` of a redriven job: two requests to redrive one dead letter make one message. */
export function redriveMessageId(jobId: string, deadSequence: number): string {
  return `${jobId}:redrive:${deadSequence}`;
}

/** A `Nats-Msg-Id` that differs after each redrive, and is `messageId` itself before the first. */
export function idPerRedrive(messageId: string, redriveCount = 0): string {
  return redriveCount === 0 ? messageId : `${messageId}:${redriveCount}`;
}
