import { type Context, context, SpanKind, trace } from '@opentelemetry/api';
import { type ErrorCode, ThroughlineError } from '../../shared/errors.ts';
import { extract, fromRecord } from '../../shared/propagation/index.ts';
import { ATTR } from '../../shared/trace/semantics.ts';
import type { AcceptedFeed } from '../jobs/accepted-feed.ts';
import { fingerprintOf, isEnded, isStored, readRecord } from '../jobs/broker-record.ts';
import { queuedJob } from '../jobs/outgoing-job.ts';
import { checkDelaySupport, publishJob, subjectOf } from '../jobs/publish-job.ts';
import type { BrokerAccess } from '../nats/broker-connection.ts';
import type { BrokerSession } from '../nats/broker-session.ts';
import type { Logger } from '../telemetry/log.ts';
import { flushSpans } from '../telemetry/runtime.ts';
import { cancelUnsent } from './cancel-unsent.ts';
import { FIRST_CHECK_MS } from './end-check.ts';
import type { Outbox } from './outbox.ts';
import type { OutboxEntry } from './outbox-entry.ts';

/** What is sent to NATS at once, before its answers are awaited. */
const BATCH = { rows: 128, bytes: 4 * 1024 * 1024 } as const;
/** Errors that another try would not change. */
const PERMANENT: readonly ErrorCode[] = [
  'broker-rejected',
  'payload-too-large',
  'delay-unsupported',
  'idempotency-key-reused',
  'request-invalid',
];
const tracer = trace.getTracer('throughline-bridge');

/** What the drain needs of its bridge. */
export interface DrainParts {
  readonly name: string;
  readonly connection: BrokerAccess;
  readonly outbox: Outbox;
  readonly feed: Pick<AcceptedFeed, 'addAccepted'>;
  readonly log: Logger;
  /** Whether a job stays in the outbox until its end is recorded (`OUTBOX_KEEP=ended`). */
  readonly keepUntilEnded: boolean;
  /** The bridge's own context, which belongs to no request. */
  readonly ownContext: Context;
  readonly object: Pick<DurableObjectState, 'waitUntil'>;
}

/** An entry of a batch, and whether NATS has its job already. */
interface LookedUp {
  readonly entry: OutboxEntry;
  readonly isAtBroker: boolean | ThroughlineError;
}

type Outcome =
  | { readonly kind: 'published' | 'ended'; readonly entry: OutboxEntry }
  | { readonly kind: 'rejected' | 'failed'; readonly entry: OutboxEntry; readonly error: ThroughlineError };

/**
 * Sends the pending jobs to NATS, first in, first out, until there are none. Only the scheduler calls this, one run at
 * a time.
 * @throws ThroughlineError when NATS does not take the next job now: `broker-unavailable`, `stream-full`, …
 */
export async function drainOutbox(parts: DrainParts): Promise<void> {
  const { outbox, connection, log, object } = parts;
  let jobs = 0;
  try {
    while (outbox.hasPending) jobs += await connection.use((session) => sendBatch(parts, session));
  } finally {
    if (jobs > 0) log.info('outbox drained', { jobs, pending: outbox.status(Date.now()).pending });
    flushSpans(object);
  }
}

/** Sends one batch: its messages leave in order over one connection. @returns how many jobs NATS has now */
async function sendBatch(parts: DrainParts, session: BrokerSession): Promise<number> {
  const entries = parts.outbox.takeNext(BATCH.rows, BATCH.bytes);
  const lookedUp = await Promise.all(entries.map((entry) => lookUp(session, entry)));
  const outcomes = await Promise.all(lookedUp.map((one) => outcomeOf(one, send(parts, session, one))));
  return recordOutcomes(parts, outcomes);
}

/**
 * Asks whether NATS has a job. It is not asked for a job that was never sent, unless the job's id comes from an
 * idempotency key: the key may stand for a job that was submitted before NATS went away.
 */
async function lookUp(session: BrokerSession, entry: OutboxEntry): Promise<LookedUp> {
  const { job, publication } = entry;
  if (publication === 'unsent' && job.spec.fingerprint === undefined) return { entry, isAtBroker: false };
  try {
    const record = await readRecord(session, job);
    if (!isStored(record) && !isEnded(record)) return { entry, isAtBroker: false };
    if (job.spec.fingerprint === undefined || job.spec.fingerprint === fingerprintOf(record))
      return { entry, isAtBroker: true };
    throw new ThroughlineError(
      'idempotency-key-reused',
      'its Idempotency-Key stands for an earlier job of another request',
    );
  } catch (thrown) {
    return { entry, isAtBroker: ThroughlineError.from(thrown) };
  }
}

/** Sends a job, or the end of a job that was cancelled. */
async function send(
  parts: DrainParts,
  session: BrokerSession,
  { entry, isAtBroker }: LookedUp,
): Promise<'published' | 'ended'> {
  if (isAtBroker instanceof ThroughlineError) throw isAtBroker;
  if (entry.cancelledAt !== undefined) {
    await cancelUnsent(parts, session, entry.job, entry.cancelledAt);
    return 'ended';
  }
  if (!isAtBroker) await publish(parts, session, entry);
  return 'published';
}

async function publish(parts: DrainParts, session: BrokerSession, entry: OutboxEntry): Promise<void> {
  const { job, body, addedAt, tries } = entry;
  const now = Date.now();
  const waitedMs = Math.max(0, now - addedAt);
  if (subjectOf(job, now).startsWith('delayed.')) checkDelaySupport(session);
  await publishJob(session, job, body, { waitedMs, again: tries > 0 });
  parts.feed.addAccepted(job.tenant, queuedJob(job, 'stream'));
  const sending = extract(fromRecord(job.carrier), parts.ownContext).context;
  const attributes = { [ATTR.jobId]: job.jobId, [ATTR.outboxTimeMs]: waitedMs };
  tracer
    .startSpan('wait in outbox', { kind: SpanKind.INTERNAL, startTime: addedAt, attributes }, sending)
    .end(Date.now());
  context.with(sending, () =>
    parts.log.info('job published', {
      ...{ job_id: job.jobId, operation: job.operation, tenant: job.tenant, outbox_ms: waitedMs },
    }),
  );
}

async function outcomeOf({ entry }: LookedUp, sent: Promise<'published' | 'ended'>): Promise<Outcome> {
  try {
    return { kind: await sent, entry };
  } catch (thrown) {
    const error = ThroughlineError.from(thrown);
    return { kind: PERMANENT.includes(error.code) ? 'rejected' : 'failed', entry, error };
  }
}

/** Writes the outcomes to the outbox. @throws ThroughlineError the first error that another try may change */
function recordOutcomes({ outbox, keepUntilEnded, log }: DrainParts, outcomes: readonly Outcome[]): number {
  const positionsOf = (kind: Outcome['kind']): number[] =>
    outcomes.filter((outcome) => outcome.kind === kind).map(({ entry }) => entry.position);
  const published = positionsOf('published');
  if (keepUntilEnded) outbox.published(published, Date.now() + FIRST_CHECK_MS);
  else outbox.remove(published);
  outbox.remove(positionsOf('ended'));
  for (const outcome of outcomes) {
    if (outcome.kind !== 'rejected') continue;
    const { entry, error } = outcome;
    outbox.reject(entry.position, `${error.code}: ${error.message}`);
    log.error('job rejected: NATS will not take it', {
      ...{ job_id: entry.job.jobId, tenant: entry.job.tenant, code: error.code, reason: error.message },
    });
  }
  for (const outcome of outcomes) if (outcome.kind === 'failed') throw outcome.error;
  return published.length;
}
