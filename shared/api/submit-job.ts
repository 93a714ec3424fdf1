import * as z from 'zod';
import { ThroughlineError } from '../errors.ts';
import { CALLBACK_ENDS, type Callback, isCallbackUrl } from '../job/callback.ts';
import { type JobSpec, ORDERING_KEY, TAG } from '../job/job-spec.ts';
import { LIMITS } from '../job/limits.ts';
import { PRIORITIES } from '../job/priority.ts';
import { UNIQUE_WHILE } from '../job/unique.ts';
import { parseDuration } from '../text/duration.ts';
import { OperationName } from './operation.ts';

/** The message for a value of another type. An unknown field keeps the message that names it. */
export function ofType(rule: string): { error: (issue: z.core.$ZodRawIssue) => string | undefined } {
  return { error: ({ code }) => (code === 'invalid_type' ? rule : undefined) };
}

const DELAY_RULE =
  'must be a duration such as "90s", "1h30m" or "PT1H", or a time such as "2026-01-02T03:04:05Z"';

/** When a job is due: a duration from now, or a time. */
export const Delay = z
  .string(DELAY_RULE)
  .refine((text) => parseDuration(text) !== undefined || instant(text) !== undefined, DELAY_RULE);

/** How long one attempt may take. */
export const Timeout = duration(LIMITS.timeoutMs, '24 hours');

/** For how long a job stands for later ones with the same unique key. */
export const UniqueFor = duration(LIMITS.delayMs, '30 days');

/** A duration of 1 ms at least. Its output is in milliseconds. */
function duration(maxMs: number, maxInWords: string) {
  const rule = `must be a duration such as "500ms", "30s", "1h30m" or "PT1H", at most ${maxInWords}`;
  return z
    .string(rule)
    .refine((text) => {
      const ms = parseDuration(text);
      return ms !== undefined && ms >= 1 && ms <= maxMs;
    }, rule)
    .transform((text) => parseDuration(text));
}

const URL_RULE =
  'must be an absolute http or https URL in ASCII, without user name, password and fragment, at most 2,048 characters';
const ENDS_RULE = `must be a list of ${CALLBACK_ENDS.join(', ')}, each at most once`;

/** A POST that is sent when the job ends. The worker checks whether the URL is allowed, since it resolves the name. */
export const CallbackRequest = z.strictObject(
  {
    url: z.string(URL_RULE).refine(isCallbackUrl, URL_RULE),
    events: z
      .array(z.enum(CALLBACK_ENDS, `must be one of ${CALLBACK_ENDS.join(', ')}`), ENDS_RULE)
      .min(1, 'must name one at least')
      .refine((events) => new Set(events).size === events.length, ENDS_RULE)
      .optional(),
  },
  ofType('must be an object such as {"url":"https://…"}'),
);

const PRIORITY_RULE = `must be one of ${PRIORITIES.join(', ')}`;
const KEY_RULE = 'must be 1 to 128 visible ASCII characters, with spaces only inside';
const TAG_RULE = 'must be 1 to 64 letters, digits or _ . : / = -, and begin with a letter or digit';
const TAGS_RULE = `must be a list of 1 to ${LIMITS.tags} tags, each at most once`;

/** The tags of a job. */
export const Tags = z
  .array(z.string(TAG_RULE).regex(TAG, TAG_RULE), TAGS_RULE)
  .min(1, TAGS_RULE)
  .max(LIMITS.tags, TAGS_RULE)
  .refine((tags) => new Set(tags).size === tags.length, TAGS_RULE);

const WHILE_RULE = `must be one of ${UNIQUE_WHILE.join(', ')}`;

/** Which job that is there already stands for a new one. Its output has `for` in milliseconds. */
export const UniqueRequest = z.strictObject(
  {
    key: z.string(KEY_RULE).regex(ORDERING_KEY, KEY_RULE),
    while: z.enum(UNIQUE_WHILE, WHILE_RULE),
    for: UniqueFor.optional(),
  },
  ofType('must be an object such as {"key":"…","while":"running"}'),
);
export type UniqueRequest = z.output<typeof UniqueRequest>;

const ATTEMPTS_RULE = `must be a whole number from 1 to ${LIMITS.maxAttempts}`;

/** The body of `POST /v1/jobs`. An unknown field is refused, so that a misspelt field does not go unnoticed. */
export const SubmitJob = z.strictObject(
  {
    operation: OperationName,
    input: z.nonoptional(z.unknown(), 'must be given (null if the operation takes nothing)'),
    delay: Delay.optional(),
    timeout: Timeout.optional(),
    maxAttempts: z.int(ATTEMPTS_RULE).min(1, ATTEMPTS_RULE).max(LIMITS.maxAttempts, ATTEMPTS_RULE).optional(),
    callback: CallbackRequest.optional(),
    priority: z.enum(PRIORITIES, PRIORITY_RULE).optional(),
    orderingKey: z.string(KEY_RULE).regex(ORDERING_KEY, KEY_RULE).optional(),
    tags: Tags.optional(),
    unique: UniqueRequest.optional(),
  },
  ofType('must be an object such as {"operation":"…","input":…}'),
);
export type SubmitJob = z.output<typeof SubmitJob>;

/**
 * What a request asks its job to be.
 * @param now epoch milliseconds, from which a delay counts
 * @throws ThroughlineError `request-invalid` if the delay is too long, or if the job has an ordering key, and a priority or a
 *   unique key
 */
export function specOf(request: SubmitJob, now: number): JobSpec {
  const { maxAttempts, timeout, delay, callback, priority, orderingKey, tags, unique } = request;
  // Jobs of one key in lanes of different priorities would overtake each other.
  if (orderingKey !== undefined && priority !== undefined)
    throw invalidAt('/priority', 'leave it out: a job with an orderingKey cannot have a priority');
  // Each of the two keys chooses the bridge of the job.
  if (orderingKey !== undefined && unique !== undefined)
    throw invalidAt('/unique', 'a job with an orderingKey cannot be unique');
  return {
    priority,
    orderingKey,
    tags,
    maxAttempts,
    timeoutMs: timeout,
    dueAt: delay === undefined ? undefined : dueAtOf(delay, now),
    callback: callback && callbackOf(callback),
  };
}

function invalidAt(path: string, message: string): ThroughlineError {
  return new ThroughlineError('request-invalid', `${path}: ${message}`, { violations: [{ path, message }] });
}

/** A callback that names no ends is sent at each end. */
function callbackOf({ url, events = [...CALLBACK_ENDS] }: z.output<typeof CallbackRequest>): Callback {
  return { url, events };
}

function dueAtOf(delay: string, now: number): string | undefined {
  const due = dueAt(delay, now);
  if (due !== 'too-far') return due === undefined ? undefined : new Date(due).toISOString();
  throw invalidAt('/delay', 'at most 30 days');
}

/**
 * The time that `delay` means, in epoch milliseconds.
 * @returns undefined if it is not in the future, `too-far` if it is more than 30 days away
 */
export function dueAt(delay: string, now: number): number | 'too-far' | undefined {
  const duration = parseDuration(delay);
  const due = duration === undefined ? instant(delay) : now + duration;
  if (due === undefined || due <= now) return undefined;
  return due - now > LIMITS.delayMs ? 'too-far' : due;
}

/** A time in RFC 3339 with an offset: a local time would mean a different time in each place. */
function instant(text: string): number | undefined {
  return z.iso.datetime({ offset: true }).safeParse(text).success ? Date.parse(text) : undefined;
}

/** The body of `POST /v1/jobs/batch`. Each job is checked on its own, so a wrong job does not stop the others. */
export const Batch = z.strictObject(
  {
    jobs: z
      .array(z.unknown(), 'must be a list of jobs')
      .min(1, 'must hold at least one job')
      .max(LIMITS.batchJobs, `must hold at most ${LIMITS.batchJobs} jobs`),
  },
  ofType('must be an object such as {"jobs":[…]}'),
);
