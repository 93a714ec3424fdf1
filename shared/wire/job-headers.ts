/** The headers of a job spec. One table pairs each field with the codec that writes and reads its header. */
import { ThroughlineError } from '../errors.ts';
import { CALLBACK_ENDS, type Callback, isCallbackEnd, isCallbackUrl } from '../job/callback.ts';
import { type JobSpec, ORDERING_KEY, TAG } from '../job/job-spec.ts';
import { LIMITS } from '../job/limits.ts';
import { PRIORITIES, type Priority } from '../job/priority.ts';
import { type HeaderCodec, textHeader, timeHeader, wholeNumberHeader } from './header-codec.ts';
import { HEADER, type HeaderValues, type SetHeader } from './headers.ts';

type SpecHeaders = { readonly [Field in keyof JobSpec]-?: HeaderCodec<NonNullable<JobSpec[Field]>> };

/** The header of a job's tags. Job messages and events have it. */
export const TAGS: HeaderCodec<string[]> = {
  name: HEADER.tags,
  write: (tags, set) => set(HEADER.tags, tags.join(',')),
  read: readTags,
};

const SPEC_HEADERS: SpecHeaders = {
  maxAttempts: wholeNumberHeader(HEADER.maxAttempts, 1, LIMITS.maxAttempts),
  timeoutMs: wholeNumberHeader(HEADER.timeoutMs, 1, LIMITS.timeoutMs),
  fingerprint: textHeader(HEADER.fingerprint, /^[0-9a-f]{64}$/),
  dueAt: timeHeader(HEADER.dueAt),
  dueBy: {
    name: HEADER.dueBy,
    write: (reason, set) => set(HEADER.dueBy, reason),
    read: (values) => (values(HEADER.dueBy)[0] === 'rateLimit' ? 'rateLimit' : undefined),
  },
  callback: { name: HEADER.callbackUrl, write: writeCallback, read: readCallback },
  priority: {
    name: HEADER.priority,
    write: (priority, set) => set(HEADER.priority, priority),
    read: readPriority,
  },
  orderingKey: textHeader(HEADER.orderingKey, ORDERING_KEY),
  tags: TAGS,
};
const FIELDS = Object.keys(SPEC_HEADERS) as (keyof JobSpec)[];

/** The limits that must be readable. A job must not run with other limits than it was given. */
const REFUSED_IF_UNREADABLE = ['maxAttempts', 'timeoutMs'] as const;

/** Writes the headers that {@link readJobSpec} reads. */
export function writeJobSpec(spec: JobSpec, set: SetHeader): void {
  for (const field of FIELDS) {
    // The type of the table makes sure that each codec fits its field.
    const { write } = SPEC_HEADERS[field] as HeaderCodec<unknown>;
    if (spec[field] !== undefined) write(spec[field], set);
  }
}

/** Reads the spec of a job message in order to show the job. A header that cannot be read is ignored. Never throws. */
export function readJobSpec(values: HeaderValues): JobSpec {
  const spec: Record<string, unknown> = {};
  for (const field of FIELDS) {
    const value = SPEC_HEADERS[field].read(values);
    if (value !== undefined) spec[field] = value;
  }
  return spec;
}

/**
 * Reads the spec of a job message in order to run the job.
 * @throws ThroughlineError `message-invalid` if a limit is given but cannot be read
 */
export function readRunnableJobSpec(values: HeaderValues): JobSpec {
  const spec = readJobSpec(values);
  for (const field of REFUSED_IF_UNREADABLE) {
    const { name } = SPEC_HEADERS[field];
    if (spec[field] !== undefined || values(name).length === 0) continue;
    const wanted = `a whole number from 1 to ${LIMITS[field]}`;
    throw new ThroughlineError('message-invalid', `the header ${name} is not ${wanted}`);
  }
  return spec;
}

/** Whether a message asks for a callback, even if the callback cannot be read. */
export function asksForCallback(values: HeaderValues): boolean {
  return values(HEADER.callbackUrl).length > 0;
}

/** Writes a callback. Without the header for its events, the callback is sent at each end of the job. */
function writeCallback({ url, events }: Callback, set: SetHeader): void {
  set(HEADER.callbackUrl, url);
  if (CALLBACK_ENDS.some((end) => !events.includes(end))) set(HEADER.callbackEvents, events.join(','));
}

function readCallback(values: HeaderValues): Callback | undefined {
  const [url, ...more] = values(HEADER.callbackUrl);
  if (url === undefined || more.length > 0 || !isCallbackUrl(url)) return undefined;
  const [text] = values(HEADER.callbackEvents);
  const events = text === undefined ? [...CALLBACK_ENDS] : text.split(',').map((word) => word.trim());
  return events.every(isCallbackEnd) ? { url, events } : undefined;
}

function readPriority(values: HeaderValues): Priority | undefined {
  const [text] = values(HEADER.priority);
  return PRIORITIES.find((priority) => priority === text);
}

function readTags(values: HeaderValues): string[] | undefined {
  const tags = values(HEADER.tags)[0]?.split(',');
  return tags !== undefined && tags.length <= LIMITS.tags && tags.every((tag) => TAG.test(tag))
    ? tags
    : undefined;
}
