import type { DeadLetter, DeadLetterDetail } from '../../shared/api/answers/dead-letter.ts';
import type { RecordedCallbackEvent } from '../../shared/api/answers/job-history.ts';
import type { Progress } from '../../shared/job/attempt-report.ts';
import type { Job, JobState } from '../../shared/job/job.ts';
import { isTerminal } from '../../shared/job/job-state.ts';
import { secondsText } from '../../shared/text/duration.ts';
import { escapeControls } from '../../shared/text/terminal/escape-controls.ts';
import { counted } from './counted.ts';
import { type Fact, factsText } from './facts.ts';
import { jsonText, type Paint } from './terminal.ts';

/** A result with more characters than this is printed on lines of its own. */
const SHORT_RESULT = 80;

/** The colour of each state. */
export const STATE_COLORS: Readonly<Record<JobState, keyof Paint>> = {
  queued: 'cyan',
  running: 'cyan',
  retrying: 'yellow',
  succeeded: 'green',
  failed: 'red',
  cancelled: 'yellow',
};

/** A job for a person, one fact a line. Text from the server is escaped. @param callback the last delivery of its callback */
export function jobText(job: Job, paint: Paint, callback?: RecordedCallbackEvent): string {
  return factsText(
    [
      ['job', paint.bold(escapeControls(job.id))],
      ['operation', escapeControls(job.operation)],
      ['state', paint[STATE_COLORS[job.state]](job.state)],
      ['waits', job.served === false ? 'no worker host can run its operation now' : undefined],
      ['due', dueText(job)],
      ['priority', job.priority && escapeControls(job.priority)],
      ['ordering', job.orderingKey && escapeControls(job.orderingKey)],
      ['tags', job.tags && escapeControls(job.tags.join(' '))],
      ['attempt', job.attempt === 0 ? undefined : `${job.attempt} of ${job.maxAttempts}`],
      [job.attempt === 0 ? 'waited' : 'took', tookText(job)],
      ['trace', job.traceId === '' ? undefined : escapeControls(job.traceId)],
      ['earlier', job.previousTraceIds && escapeControls(job.previousTraceIds.join(' '))],
      ['progress', isTerminal(job.state) ? undefined : progressText(job.progress)],
      ['error', job.error && escapeControls(`${job.error.message} (${job.error.code})`)],
      ['callback', callback && escapeControls(deliveryText(callback))],
      ['result', 'result' in job ? resultText(job.result) : undefined],
    ],
    paint,
  );
}

/** What became of a callback: `given up at delivery 1 of 8: the receiver cannot be reached (callback-failed)`. */
function deliveryText(event: RecordedCallbackEvent): string {
  const { kind, at, attempt, maxAttempts } = event;
  if (kind === 'callback-delivered') return `delivered at ${at}`;
  const delivery = `delivery ${attempt} of ${maxAttempts}: ${deliveryFault(event)}`;
  return kind === 'callback-failed' ? `given up at ${delivery}` : `tried again, after ${delivery}`;
}

/** Why a delivery failed: `the receiver cannot be reached (callback-failed)`. */
export function deliveryFault({ error, status }: RecordedCallbackEvent): string {
  if (error !== undefined) return `${error.message} (${error.code})`;
  return status === undefined ? 'no reason is known' : `HTTP status ${status}`;
}

/** A dead letter for a person, with all that it holds, one fact a line. Text from the server is escaped. */
export function deadLetterText(deadLetter: DeadLetterDetail, paint: Paint): string {
  const { id, operation, diedAt, attempts, redriveCount, traceId, detail, body, headers } = deadLetter;
  return factsText(
    [
      ['job', paint.bold(escapeControls(id))],
      ['operation', escapeControls(operation)],
      ['died', escapeControls(diedAt)],
      ['error', paint.red(escapeControls(causeText(deadLetter)))],
      ['attempts', String(attempts)],
      ['redriven', redriveCount === undefined ? undefined : `${counted(redriveCount, 'time')} before`],
      ['trace', traceId === '' ? undefined : escapeControls(traceId)],
      ['detail', detail && `\n${detail.split('\n').map(escapeControls).join('\n')}`],
      ['input', 'input' in deadLetter ? jsonText(deadLetter.input) : undefined],
      ['body', body && `${escapeControls(body)} (base64, because it is not JSON)`],
      ...Object.entries(headers).map(
        ([name, value]): Fact => ['header', escapeControls(`${name}: ${value}`)],
      ),
    ],
    paint,
  );
}

/** Why a job died: `the disk is full (operation-failed)`. */
export function causeText({ message, reason }: Pick<DeadLetter, 'message' | 'reason'>): string {
  return message === undefined ? reason : `${message} (${reason})`;
}

/** A job in one line, for the status line. It is safe to print. */
export function jobLine(job: Job): string {
  const parts = [
    job.state,
    job.attempt > 1 ? `attempt ${job.attempt} of ${job.maxAttempts}` : undefined,
    isTerminal(job.state) ? undefined : progressText(job.progress),
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

/** When a job that waits for its time is due, and whether its caller or a limit of its operation gave it the time. */
function dueText({ dueAt, dueBy }: Job): string | undefined {
  if (dueAt === undefined) return undefined;
  return escapeControls(dueAt) + (dueBy === 'rateLimit' ? ' (by the limit of its operation)' : '');
}

/** How long the caller waited: from the moment the job was accepted to its end. */
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
