import type { DeadLetter, DeadLetterDetail, DeadLetterPage } from '../../shared/api/answers/dead-letter.ts';
import { jobLinks } from '../../shared/job/accepted-job.ts';
import type { JobAddress } from '../../shared/job/job-address.ts';
import { DEAD_STREAM } from '../../shared/nats/streams.ts';
import { extract, FIELDS, fromNatsHeaders } from '../../shared/propagation/index.ts';
import { readDeadLetterReason } from '../../shared/wire/dead-letter.ts';
import { HEADER, headerValues } from '../../shared/wire/headers.ts';
import { TAGS } from '../../shared/wire/job-headers.ts';
import { readRedrive } from '../../shared/wire/redrive.ts';
import { deadLetterFilter, deadLettersFilter, parseJobSubject } from '../../shared/wire/subjects.ts';
import { type DeadLettersCommand, LIST_BUDGET_MS } from '../calls/dead-letter-commands.ts';
import type { BrokerSession } from '../nats/broker-session.ts';
import type { StoredMessage } from '../nats/stored-message.ts';
import { lookUpJob } from './job-reader.ts';

/** Anybody may have written other headers: only those that Throughline knows are shown. */
const SHOWN_HEADER = /^(?:ce-|throughline-|content-type$)/;
/** These have fields of their own in a dead letter. */
const WITH_FIELD: readonly string[] = [HEADER.deadMessage, HEADER.deadDetail];

type Range = Pick<DeadLettersCommand, 'tenant' | 'operation' | 'from'>;

/**
 * A page of a tenant's dead letters, oldest first. A page costs one request to the broker for each dead letter that it looks
 * at, and does not depend on the size of the stream. A page that takes too long ends early, with a cursor. With tags it may be
 * empty then.
 * @throws ThroughlineError `broker-unavailable`
 */
export async function listDeadLetters(
  session: BrokerSession,
  { limit, tags, ...range }: DeadLettersCommand,
): Promise<DeadLetterPage> {
  const until = Date.now() + LIST_BUDGET_MS;
  const deadLetters: DeadLetter[] = [];
  let lookedAt = 0;
  for await (const message of deadLettersFrom(session, range)) {
    if (deadLetters.length === limit || (lookedAt > 0 && Date.now() > until)) {
      return { deadLetters, cursor: String(message.sequence) };
    }
    lookedAt++;
    const deadLetter = deadLetterOf(message);
    if (hasTags(deadLetter, tags)) deadLetters.push(deadLetter);
  }
  return { deadLetters };
}

/** The dead letters of a tenant from a sequence on, oldest first. Each is read when it is asked for. */
export async function* deadLettersFrom(
  session: BrokerSession,
  { tenant, operation, from }: Range,
): AsyncGenerator<StoredMessage> {
  const filter = deadLettersFilter(tenant, operation);
  for (let seq = from; ; ) {
    const message = await session.nextMessage(DEAD_STREAM, filter, seq);
    if (message === undefined) return;
    yield message;
    seq = message.sequence + 1;
  }
}

/** Whether a dead letter has all of these tags. */
export function hasTags({ tags: own = [] }: Pick<DeadLetter, 'tags'>, tags: readonly string[]): boolean {
  return tags.every((tag) => own.includes(tag));
}

/** The last dead letter of a job, as it is stored, or undefined. @throws ThroughlineError `broker-unavailable` */
export function lastDeadLetter(
  session: BrokerSession,
  tenant: string,
  jobId: string,
): Promise<StoredMessage | undefined> {
  return session.lastMessage(DEAD_STREAM, deadLetterFilter(tenant, jobId));
}

/**
 * Whether NATS has anything of a job: an event, a message, or a dead letter, which may be redriven long after its events are gone.
 * @throws ThroughlineError `broker-unavailable`
 */
export async function isRemembered(
  session: BrokerSession,
  { tenant, jobId }: Pick<JobAddress, 'tenant' | 'jobId'>,
): Promise<boolean> {
  const deadLetter = await lastDeadLetter(session, tenant, jobId);
  const { last, message } = await lookUpJob(session, tenant, jobId);
  return (deadLetter ?? last ?? message) !== undefined;
}

/** A dead letter as the list shows it. */
export function deadLetterOf(message: Pick<StoredMessage, 'subject' | 'headers' | 'time'>): DeadLetter {
  const { jobId: id = '', operation = '' } = parseJobSubject(message.subject) ?? {};
  const values = headerValues(message.headers);
  const { code, attempts, message: said } = readDeadLetterReason(values);
  const redriveCount = readRedrive(values)?.redriveCount;
  const tags = TAGS.read(values);
  return {
    id,
    operation,
    reason: code,
    ...(said === undefined ? {} : { message: said }),
    attempts,
    ...(tags === undefined ? {} : { tags: [...tags] }),
    diedAt: message.time.toISOString(),
    traceId: extract(fromNatsHeaders(message.headers)).spanContext?.traceId ?? '',
    ...(redriveCount === undefined ? {} : { redriveCount }),
    links: { self: `/v1/dead-letters/${id}`, job: jobLinks(id).self },
  };
}

/** A dead letter with its payload and headers. */
export function deadLetterDetailOf(
  message: Pick<StoredMessage, 'subject' | 'headers' | 'time' | 'data'>,
): DeadLetterDetail {
  const { detail } = readDeadLetterReason(headerValues(message.headers));
  return {
    ...deadLetterOf(message),
    ...(detail === undefined ? {} : { detail }),
    ...payloadOf(message.data),
    headers: shownHeaders(message.headers),
  };
}

function payloadOf(data: Uint8Array): Pick<DeadLetterDetail, 'input' | 'body'> {
  try {
    const text = new TextDecoder('utf-8', { fatal: true, ignoreBOM: false }).decode(data);
    return { input: text === '' ? null : JSON.parse(text) };
  } catch {
    return { body: btoa(Array.from(data, (byte) => String.fromCharCode(byte)).join('')) };
  }
}

function shownHeaders(messageHeaders: StoredMessage['headers']): Record<string, string> {
  const values = headerValues(messageHeaders);
  const names = new Set([...(messageHeaders?.keys() ?? [])].map((name) => name.toLowerCase()));
  const shown = [...names].filter(
    (name) =>
      (SHOWN_HEADER.test(name) && !WITH_FIELD.includes(name)) || FIELDS.some((field) => field === name),
  );
  return Object.fromEntries(shown.sort().map((name) => [name, values(name).join(', ')]));
}
