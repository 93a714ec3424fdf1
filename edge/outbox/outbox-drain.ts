import { context, SpanKind } from '@opentelemetry/api';
import { errorFrom } from '../../shared/error-table.ts';
import { type ErrorCode, ThroughlineError } from '../../shared/errors.ts';
import { ATTR, SERVICE } from '../../shared/trace/semantics.ts';
import { tracerOf } from '../../shared/trace/tracer.ts';
import { routeOf } from '../../shared/wire/lanes.ts';
import { type UsageBook, usageOfJob } from '../access/usage-book.ts';
import type { AcceptedFeed } from '../jobs/accepted-feed.ts';
import { fingerprintOf, isEnded, isStored, mayBeSameRequest, readRecord } from '../jobs/broker-record.ts';
import { jobFields, type OutgoingJob, queuedJob } from '../jobs/outgoing-job.ts';
import { checkDelaySupport, publishJob, subjectOf } from '../jobs/publish-job.ts';
import type { BrokerAccess } from '../nats/broker-connection.ts';
import type { BrokerSession } from '../nats/broker-session.ts';
import type { HostDirectory } from '../operations/host-directory.ts';
import { carriedContext } from '../telemetry/carried-context.ts';
import type { Logger } from '../telemetry/log.ts';
import { flushSpans } from '../telemetry/runtime.ts';
import { cancelUnsent } from './cancel-unsent.ts';
import { FIRST_CHECK_MS } from './end-check.ts';
import type { Outbox } from './outbox.ts';
import type { OutboxEntry } from './outbox-entry.ts';

/** The limits of one batch. A batch is sent to NATS before any of its answers is awaited. */
const BATCH = { rows: 128, bytes: 4 * 1024 * 1024 } as const;
/** Errors that would happen again at another try. */
const PERMANENT: readonly ErrorCode[] = [
  'broker-rejected',
  'payload-too-large',
  'delay-unsupported',
  'idempotency-key-reused',
  'record-unreadable',
  'request-invalid',
];
const tracer = tracerOf(SERVICE.bridge);

/** What the drain needs from its bridge. */
export interface DrainParts {
  readonly name: string;
  readonly connection: BrokerAccess;
  readonly outbox: Outbox;
  readonly feed: Pick<AcceptedFeed, 'addPublished'>;
  readonly usage: Pick<UsageBook, 'isBusy'>;
  /** The places of jobs in pooled lanes. A job that NATS rejects gives its place back. */
  readonly pooled: { forget(job: Pick<OutgoingJob, 'tenant' | 'jobId'>): void };
  readonly operations: { readonly isLimited: (operation: string) => boolean };
  readonly hosts: Pick<HostDirectory, 'learn' | 'servesOwnLane'>;
  readonly log: Logger;
  /** Whether a job stays in the outbox until the end of the job is recorded (`OUTBOX_KEEP=ended`). */
  readonly keepUntilEnded: boolean;
  readonly object: Pick<DurableObjectState, 'waitUntil'>;
}

/** An entry of a batch, and whether NATS already has its job. */
interface LookedUp {
  readonly entry: OutboxEntry;
  readonly found: 'at-broker' | 'missing';
}

/** An entry whose job must not be sent, or for which NATS could not be asked. */
interface LookupFailure {
  readonly entry: OutboxEntry;
  readonly error: ThroughlineError;
}

/**
 * How the sending of a job went. `published`: NATS has the job. `ended`: the end of a cancelled job is recorded.
 * `rejected`: NATS refuses the job. `failed`: another try may succeed.
 */
type SendResult =
  | { readonly kind: 'published' | 'ended'; readonly entry: OutboxEntry }
  | { readonly kind: 'rejected' | 'failed'; readonly entry: OutboxEntry; readonly error: ThroughlineError };

/**
 * Sends the pending jobs to NATS, the oldest first, until no pending job is left. Only the scheduler calls this, and
 * only one run happens at a time.
 * @throws ThroughlineError if NATS does not take the next job now: `broker-unavailable`, `stream-full`, …
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

/** Sends one batch, in order, over one connection. @returns how many jobs of the batch NATS has now */
async function sendBatch(parts: DrainParts, session: BrokerSession): Promise<number> {
  const entries = parts.outbox.takeNext(BATCH.rows, BATCH.bytes);
  const [lookedUp] = await Promise.all([
    Promise.all(entries.map((entry) => lookUp(session, entry))),
    parts.hosts.learn(session),
  ]);
  return recordOutcomes(parts, await sendAll(parts, session, lookedUp));
}

/**
 * Sends jobs side by side, but those of one ordering key one after the other. While another try may succeed for a job, no later
 * job of its key is sent.
 */
function sendAll(
  parts: DrainParts,
  session: BrokerSession,
  all: readonly (LookedUp | LookupFailure)[],
): Promise<SendResult[]> {
  const lastOfKey = new Map<string, Promise<SendResult>>();
  return Promise.all(
    all.map((one) => {
      const { tenant, spec } = one.entry.job;
      if (spec.orderingKey === undefined) return trySend(parts, session, one);
      const key = `${tenant}/${spec.orderingKey}`;
      const result = sendAfter(lastOfKey.get(key), parts, session, one);
      lastOfKey.set(key, result);
      return result;
    }),
  );
}

async function sendAfter(
  earlier: Promise<SendResult> | undefined,
  parts: DrainParts,
  session: BrokerSession,
  one: LookedUp | LookupFailure,
): Promise<SendResult> {
  const before = await earlier;
  return before?.kind === 'failed' ? { ...before, entry: one.entry } : await trySend(parts, session, one);
}

/**
 * Asks whether NATS has a job. For a job that was never sent, NATS is asked only if the job's id comes from an
 * idempotency key: a job with the same key may have been submitted before NATS could no longer be reached.
 */
async function lookUp(session: BrokerSession, entry: OutboxEntry): Promise<LookedUp | LookupFailure> {
  const { job, publication } = entry;
  const isNew = publication === 'unsent' && !entry.wasRejected;
  if (isNew && job.spec.fingerprint === undefined) return { entry, found: 'missing' };
  try {
    const record = await readRecord(session, job);
    if (!isStored(record) && !isEnded(record)) return { entry, found: 'missing' };
    if (mayBeSameRequest(fingerprintOf(record), job.spec.fingerprint)) return { entry, found: 'at-broker' };
    throw new ThroughlineError(
      'idempotency-key-reused',
      'the Idempotency-Key of this job belongs to an earlier job of another request',
    );
  } catch (thrown) {
    return { entry, error: errorFrom(thrown) };
  }
}

async function trySend(
  parts: DrainParts,
  session: BrokerSession,
  one: LookedUp | LookupFailure,
): Promise<SendResult> {
  const { entry } = one;
  try {
    if ('error' in one) throw one.error;
    return {
      kind: await context.with(carriedContext(entry.job.carrier), () => send(parts, session, one)),
      entry,
    };
  } catch (thrown) {
    const error = errorFrom(thrown);
    return { kind: PERMANENT.includes(error.code) ? 'rejected' : 'failed', entry, error };
  }
}

/** Sends a job, in its trace. If the job was cancelled, its end is recorded instead. */
async function send(
  parts: DrainParts,
  session: BrokerSession,
  { entry, found }: LookedUp,
): Promise<'published' | 'ended'> {
  if (entry.cancelledAt !== undefined) {
    // A job that was rejected once was never NATS's: what NATS has under its id came from another request.
    const isOfAnother = entry.wasRejected && found === 'at-broker';
    if (!isOfAnother) await cancelUnsent(parts, session, entry.job, entry.cancelledAt);
    return 'ended';
  }
  if (found === 'missing') await publish(parts, session, entry);
  return 'published';
}

async function publish(parts: DrainParts, session: BrokerSession, entry: OutboxEntry): Promise<void> {
  const { job, body, addedAt, tries } = entry;
  const now = Date.now();
  const waitedMs = Math.max(0, now - addedAt);
  const route = routeOf(job, job.spec, {
    isBusy: parts.usage.isBusy(job.tenant, usageOfJob(job.spec, body.length)),
    hasOwnLane: parts.hosts.servesOwnLane(job),
    isLimited: parts.operations.isLimited(job.operation),
  });
  if (subjectOf(job, now, route).startsWith('delayed.')) checkDelaySupport(session);
  await publishJob(session, job, body, route, { waitedMs, again: tries > 0 });
  parts.feed.addPublished(job.tenant, queuedJob(job, 'stream'), body.length);
  const attributes = { [ATTR.jobId]: job.jobId, [ATTR.outboxTimeMs]: waitedMs };
  tracer
    .startSpan('wait in outbox', { kind: SpanKind.INTERNAL, startTime: addedAt, attributes })
    // The clock may have been set back since.
    .end(addedAt + waitedMs);
  parts.log.info('job published', { ...jobFields(job), outbox_ms: waitedMs });
}

/**
 * Records in the outbox the result of each job. @throws ThroughlineError the first error after which another try may
 * succeed
 */
function recordOutcomes(
  { outbox, pooled, keepUntilEnded, log }: DrainParts,
  results: readonly SendResult[],
): number {
  const positionsOf = (kind: SendResult['kind']): number[] =>
    results.filter((result) => result.kind === kind).map(({ entry }) => entry.position);
  const published = positionsOf('published');
  if (keepUntilEnded) outbox.markPublished(published, Date.now() + FIRST_CHECK_MS);
  else outbox.remove(published);
  outbox.remove(positionsOf('ended'));
  for (const result of results) {
    if (result.kind !== 'rejected') continue;
    const { entry, error } = result;
    pooled.forget(entry.job);
    // Nobody waits for a job that was cancelled: it is not kept.
    if (entry.cancelledAt !== undefined) outbox.remove([entry.position]);
    else outbox.rejected.add(entry.position, `${error.code}: ${error.message}`);
    const fields = { ...jobFields(entry.job), code: error.code, reason: error.message };
    log.error('job rejected: NATS refuses it', fields, carriedContext(entry.job.carrier));
  }
  for (const result of results) if (result.kind === 'failed') throw result.error;
  return published.length;
}
