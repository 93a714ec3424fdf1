import { isTerminal, type Job, type JobState, type Progress } from '../../shared/job/job.ts';
import { secondsText } from '../../shared/text/duration.ts';
import { escapeControls } from '../../shared/text/terminal-text.ts';
import { jsonText } from './json-text.ts';
import type { Paint } from './paint.ts';

const LABEL_WIDTH = 11;
const SHORT_RESULT = 80;

/** The colour of a state. */
export const STATE_COLORS: Readonly<Record<JobState, keyof Paint>> = {
  queued: 'cyan',
  running: 'cyan',
  retrying: 'yellow',
  succeeded: 'green',
  failed: 'red',
  cancelled: 'yellow',
};

/** A job for a person to read, one fact a line. What the server says is escaped. */
export function jobText(job: Job, paint: Paint): string {
  const facts: [label: string, fact: string | undefined][] = [
    ['job', paint.bold(escapeControls(job.id))],
    ['operation', escapeControls(job.operation)],
    ['state', paint[STATE_COLORS[job.state]](job.state)],
    ['attempt', job.attempt === 0 ? undefined : `${job.attempt} of ${job.maxAttempts}`],
    ['took', tookText(job)],
    ['trace', job.traceId === '' ? undefined : escapeControls(job.traceId)],
    ['earlier', job.previousTraceIds && escapeControls(job.previousTraceIds.join(' '))],
    ['progress', isTerminal(job.state) ? undefined : progressText(job.progress)],
    ['error', job.error && escapeControls(`${job.error.message} (${job.error.code})`)],
    ['result', 'result' in job ? resultText(job.result) : undefined],
  ];
  return facts
    .filter(([, fact]) => fact !== undefined)
    .map(([label, fact]) => `${paint.dim(label.padEnd(LABEL_WIDTH))}${fact}`)
    .join('\n');
}

/** A job in one line that is safe to print, for whoever watches it. */
export function jobLine(job: Job): string {
  const parts = [
    job.state,
    job.attempt > 1 ? `attempt ${job.attempt} of ${job.maxAttempts}` : undefined,
    progressText(job.progress),
  ];
  return parts.filter((part) => part !== undefined).join(' · ');
}

function progressText(progress: Progress | undefined): string | undefined {
  const { fraction, message } = progress ?? {};
  const parts = [
    ...(fraction === undefined ? [] : [`${Math.round(fraction * 100)} %`]),
    ...(message ? [escapeControls(message)] : []),
  ];
  return parts.length === 0 ? undefined : parts.join(' ');
}

/** From the moment the job was accepted: what its caller waited. */
export function tookText({
  acceptedAt,
  finishedAt,
}: Pick<Job, 'acceptedAt' | 'finishedAt'>): string | undefined {
  if (finishedAt === undefined) return undefined;
  return secondsText(Math.max(0, Date.parse(finishedAt) - Date.parse(acceptedAt)));
}

function resultText(result: unknown): string {
  const short = jsonText(result);
  return short.length <= SHORT_RESULT ? short : `\n${jsonText(result, 2)}`;
}
