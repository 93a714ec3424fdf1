/**
 * The headers of a redriven job. A job that was never redriven has none of them, so a program that does not know
 * redrives reads and writes what it always did.
 */
import { isTraceId, latestTraces, type Redrive } from '../job/redrive.ts';
import { wholeNumberHeader } from './header-codec.ts';
import { HEADER, type HeaderValues, type SetHeader } from './headers.ts';

const REDRIVE_COUNT = wholeNumberHeader(HEADER.redriveCount, 1, 1_000_000);

/** The redrives of a job message, or undefined where there were none. What cannot be read counts as absent. Never throws. */
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

/** The `Nats-Msg-Id` of a redriven job: two requests for one dead letter, by its sequence in `DEAD`, are one message. */
export function redriveMessageId(jobId: string, deadSequence: number): string {
  return `${jobId}:redrive:${deadSequence}`;
}

/** A `Nats-Msg-Id` that differs after each redrive, and is `messageId` itself before the first. */
export function idPerRedrive(messageId: string, redriveCount = 0): string {
  return redriveCount === 0 ? messageId : `${messageId}:${redriveCount}`;
}
