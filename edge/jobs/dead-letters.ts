import type { DeadLetter, DeadLetterDetail, DeadLetterPage } from '../../shared/api/answers/dead-letter.ts';
import { DEAD_LETTER_LIMITS } from '../../shared/api/page-limits.ts';
import { toBase64 } from '../../shared/bytes.ts';
import { defined } from '../../shared/defined.ts';
import { jobLinks } from '../../shared/job/accepted-job.ts';
import type { JobKey } from '../../shared/job/job-address.ts';
import { DEAD_STREAM } from '../../shared/nats/streams.ts';
import { extract, FIELDS, fromNatsHeaders } from '../../shared/propagation/index.ts';
import { readDeadLetterReason } from '../../shared/wire/dead-letter.ts';
import { HEADER, headerValues } from '../../shared/wire/headers.ts';
import { TAGS } from '../../shared/wire/job-headers.ts';
import { readJson } from '../../shared/wire/json-body.ts';
import { readRedrive } from '../../shared/wire/redrive.ts';
import { deadLetterFilter, deadLettersFilter, parseJobSubject } from '../../shared/wire/subjects.ts';
import { type DeadLettersCommand, LIST_BUDGET_MS } from '../calls/dead-letter-commands.ts';
import type { BrokerSession } from '../nats/broker-session.ts';
import type { StoredMessage } from '../nats/stored-message.ts';
import type { SubjectPageQuery } from '../nats/subject-page.ts';
import { lookUpJob } from './job-reader.ts';

/** Only headers that Throughline knows are shown. Any program may have written others. */
const SHOWN_HEADER = /^(?:ce-|throughline-|content-type$)/;
/** Headers that are not shown, since a dead letter has fields for them. */
const WITH_FIELD: readonly string[] = [HEADER.deadMessage, HEADER.deadDetail];

/** The most bytes that NATS sends for a page. The bodies in it are not shown, but many callers may ask for a page at the same time. */
const LIST_BYTES = 1024 * 1024;
/** How many dead letters are read one by one before they are given on. */
const SINGLES = 10;

type Range = Pick<DeadLettersCommand, 'tenant' | 'operation' | 'from'>;
type PageSize = Pick<SubjectPageQuery, 'maxMessages' | 'maxBytes'>;

/**
 * A page of a tenant's dead letters, oldest first. The time that it takes does not depend on the size of the stream. A page that
 * takes too long ends early, with a cursor. With tags it may be empty then.
 * @throws ThroughlineError `broker-unavailable`
 */
export async function listDeadLetters(
  session: BrokerSession,
  { limit, tags, ...range }: DeadLettersCommand,
): Promise<DeadLetterPage> {
  const until = Date.now() + LIST_BUDGET_MS;
  const deadLetters: DeadLetter[] = [];
  const maxMessages = pageOf(limit, tags.length > 0);
  const { pages, end } = readDeadLetters(session, range, { maxMessages, maxBytes: LIST_BYTES });
  for await (const page of pages) {
    for (const message of page) {
      if (deadLetters.length === limit) return { deadLetters, cursor: String(message.sequence) };
      const deadLetter = deadLetterOf(message);
      if (hasTags(deadLetter, tags)) deadLetters.push(deadLetter);
    }
    const next = after(page) ?? 0;
    if (next > 0 && next <= (await end) && Date.now() > until) return { deadLetters, cursor: String(next) };
  }
  return { deadLetters };
}

/** How many dead letters to read at once: one more than are wanted, to see whether there are more. */
export function pageOf(limit: number, isFiltered: boolean): number {
  return (isFiltered ? DEAD_LETTER_LIMITS.page : limit) + 1;
}

/** Dead letters of a tenant, which are read page by page. */
interface DeadLetterReading {
  /** The sequence of the last dead letter that existed at the start; 0: there was none. */
  readonly end: Promise<number>;
  /** All dead letters from a sequence on, oldest first. A page is read when it is asked for. */
  readonly pages: AsyncGenerator<readonly StoredMessage[]>;
}

/** Begins to read the dead letters of a tenant. The first page and the end are asked for at once. */
export function readDeadLetters(
  session: BrokerSession,
  { tenant, operation, from }: Range,
  size: PageSize,
): DeadLetterReading {
  const subject = deadLettersFilter(tenant, operation);
  const end = session.lastMessage(DEAD_STREAM, subject).then((last) => last?.sequence ?? 0);
  // The pages throw this error too.
  end.catch(() => undefined);
  return { end, pages: pagesUpTo(end, session, { subject, from, ...size }) };
}

async function* pagesUpTo(
  end: Promise<number>,
  session: BrokerSession,
  query: SubjectPageQuery,
): AsyncGenerator<readonly StoredMessage[]> {
  let { from } = query;
  for (let more = true; more; ) {
    // Without the permission to read pages, all messages are read one by one below.
    const asked = session.page(DEAD_STREAM, { ...query, from }).catch(() => undefined);
    const [page] = await Promise.all([asked, end]);
    const messages = page?.messages ?? [];
    from = after(messages) ?? from;
    more = page?.more === true && messages.length > 0;
    yield session.mayLag ? await stillStored(session, messages) : messages;
  }
  // A replica may lack the latest messages, and without the permission there are no pages at all.
  for (const last = await end; from <= last; ) {
    const messages = await readSingles(session, { ...query, from });
    if (messages.length === 0) return;
    yield messages;
    from = after(messages) ?? from;
  }
}

/** The first sequence after some messages. */
function after(messages: readonly StoredMessage[]): number | undefined {
  const last = messages.at(-1);
  return last && last.sequence + 1;
}

/** The messages that the leader of the stream still has. A replica may lag, and have messages that were deleted. */
async function stillStored(
  session: BrokerSession,
  messages: readonly StoredMessage[],
): Promise<StoredMessage[]> {
  const now = await Promise.all(
    messages.map(({ subject, sequence }) => session.nextMessage(DEAD_STREAM, subject, sequence)),
  );
  return now.filter(
    (message, index): message is StoredMessage => message?.sequence === messages[index]?.sequence,
  );
}

/** Some messages, which the leader of the stream gives one by one. */
async function readSingles(
  session: BrokerSession,
  { subject, from, maxMessages, maxBytes }: SubjectPageQuery,
): Promise<StoredMessage[]> {
  const messages: StoredMessage[] = [];
  const most = Math.min(maxMessages, SINGLES);
  for (let bytes = 0; messages.length < most && bytes < maxBytes; ) {
    const message = await session.nextMessage(DEAD_STREAM, subject, after(messages) ?? from);
    if (message === undefined) break;
    messages.push(message);
    bytes += message.data.length;
  }
  return messages;
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
export async function isRemembered(session: BrokerSession, { tenant, jobId }: JobKey): Promise<boolean> {
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
  return defined({
    id,
    operation,
    reason: code,
    message: said,
    attempts,
    tags: TAGS.read(values),
    diedAt: message.time.toISOString(),
    traceId: extract(fromNatsHeaders(message.headers)).spanContext?.traceId ?? '',
    redriveCount,
    links: { self: `/v1/dead-letters/${id}`, job: jobLinks(id).self },
  });
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
    return { input: readJson(data) };
  } catch {
    return { body: toBase64(data) };
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
