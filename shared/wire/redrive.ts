/**
 * Rounds of a job: a dead letter that is sent round again starts the next one. The first round, 0, writes nothing of
 * this on the wire, so that a program which knows of no redrive reads and writes what it always did.
 */
import type { HeaderValues } from './headers.ts';

const MAX_ROUND = 1_000_000;
/** Older ones are forgotten: a header must not grow with every redrive. */
const MAX_PREVIOUS = 20;

export const REDRIVE_HEADER = {
  round: 'throughline-round',
  redriveOf: 'throughline-redrive-of',
} as const;

/** What a message says of the rounds before it. */
export interface Redrive {
  /** 1 for the first redrive. */
  readonly round: number;
  /** The traces of the rounds before, oldest first. */
  readonly previousTraceIds: readonly string[];
}

/** The round of a job message, or undefined in the first one. What cannot be read counts as absent; never throws. */
export function readRedrive(values: HeaderValues): Redrive | undefined {
  const [text] = values(REDRIVE_HEADER.round);
  const round = text !== undefined && /^[0-9]{1,7}$/.test(text) ? Number(text) : 0;
  if (round < 1 || round > MAX_ROUND) return undefined;
  const ids = (values(REDRIVE_HEADER.redriveOf)[0] ?? '').split(',').filter(isTraceId);
  return { round, previousTraceIds: ids.slice(-MAX_PREVIOUS) };
}

/** Writes the headers that {@link readRedrive} reads. */
export function writeRedrive(
  { round, previousTraceIds }: Redrive,
  set: (name: string, value: string) => void,
): void {
  set(REDRIVE_HEADER.round, String(round));
  if (previousTraceIds.length > 0) set(REDRIVE_HEADER.redriveOf, previousTraceIds.join(','));
}

/** The round after one that left its trace behind; undefined: that trace is not known. */
export function nextRound(last: Redrive | undefined, traceId: string | undefined): Redrive {
  const previous = [...(last?.previousTraceIds ?? []), ...(isTraceId(traceId) ? [traceId] : [])];
  return { round: (last?.round ?? 0) + 1, previousTraceIds: previous.slice(-MAX_PREVIOUS) };
}

/** The `Nats-Msg-Id` of a redrive's job message: two requests for one letter, by its place in `DEAD`, are one message. */
export function redriveMessageId(jobId: string, letterSequence: number): string {
  return `${jobId}:redrive:${letterSequence}`;
}

/** A `Nats-Msg-Id` that is another one in each round, and in the first one as it was before there were rounds. */
export function inRound(messageId: string, round = 0): string {
  return round === 0 ? messageId : `${messageId}:${round}`;
}

function isTraceId(text: string | undefined): text is string {
  return text !== undefined && /^[0-9a-f]{32}$/.test(text);
}
