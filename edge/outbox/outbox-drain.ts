import { type Context, context, SpanKind, trace } from '@opentelemetry/api';
import { type ErrorCode, ThroughlineError } from '../../shared/errors.ts';
import type { Job } from '../../shared/job/job.ts';
import { extract, fromRecord } from '../../shared/propagation/index.ts';
import { ATTR } from '../../shared/trace/semantics.ts';
import { standingOf } from '../jobs/broker-standing.ts';
import { cancelUnsent } from '../jobs/cancel-unsent.ts';
import { queuedJob } from '../jobs/outgoing-job.ts';
import { checkSchedules, publishJob, subjectOf } from '../jobs/publish-job.ts';
import type { BrokerConnection } from '../nats/broker-connection.ts';
import type { BrokerSession } from '../nats/broker-session.ts';
import type { Logger } from '../telemetry/log.ts';
import type { Outbox, OutboxEntry } from './outbox.ts';

/** What goes to NATS at once, before its answers are awaited. */
const BATCH = { rows: 128, bytes: 4 * 1024 * 1024 } as const;
/** When the end of a job is looked for first. */
export const FIRST_CHECK_MS = 1_000;
/** Refusals that no later try would change. */
const FOR_GOOD: readonly ErrorCode[] = [
  'broker-rejected',
  'payload-too-large',
  'delay-unsupported',
  'idempotency-key-reused',
  'request-invalid',
];
const tracer = trace.getTracer('throughline-bridge');

export interface DrainParts {
  readonly name: string;
  readonly connection: BrokerConnection;
  readonly outbox: Outbox;
  readonly log: Logger;
  /** Whether a job stays here until its end is recorded (`OUTBOX_KEEP=settled`). */
  readonly keepUntilSettled: boolean;
  /** The bridge's own context, of no request. */
  readonly own: Context;
  /** Told of each job that JetStream has now; must not throw, and is not waited for. */
  readonly accepted: (tenant: string, job: Job) => void;
  /** Sends the spans that have ended. */
  readonly flush: () => void;
}

type Outcome =
  | { readonly kind: 'sent' | 'ended' }
  | { readonly kind: 'refused' | 'failed'; readonly error: ThroughlineError };

/** Sends the waiting jobs to NATS, first in, first out: the messages of a batch go out in order over one connection. */
export class OutboxDrain {
  readonly #parts: DrainParts;

  constructor(parts: DrainParts) {
    this.#parts = parts;
  }

  /**
   * Sends until nobody waits. One run at a time: the keeper sees to that.
   * @throws ThroughlineError when NATS does not take the first of the line now: `broker-unavailable`, `stream-full`, …
   */
  async run(): Promise<void> {
    const { outbox, connection, log, flush } = this.#parts;
    let sent = 0;
    try {
      while (outbox.hasPending) sent += await connection.use((session) => this.#sendFirst(session));
    } finally {
      if (sent > 0) log.info('outbox drained', { jobs: sent, pending: outbox.status(Date.now()).pending });
      flush();
    }
  }

  /** @returns how many jobs NATS has now */
  async #sendFirst(session: BrokerSession): Promise<number> {
    const { outbox, keepUntilSettled } = this.#parts;
    const entries = outbox.takeNext(BATCH.rows, BATCH.bytes);
    const unsent = await Promise.all(entries.map((entry) => this.#isUnsent(session, entry)));
    const outcomes = await Promise.all(
      entries.map((entry, place) => outcomeOf(this.#carryOut(session, entry, unsent[place] ?? true))),
    );
    const done = (kind: Outcome['kind']): number[] =>
      entries.filter((_, place) => outcomes[place]?.kind === kind).map(({ position }) => position);
    if (keepUntilSettled) outbox.published(done('sent'), Date.now() + FIRST_CHECK_MS);
    else outbox.remove(done('sent'));
    outbox.remove(done('ended'));
    for (const [place, outcome] of outcomes.entries()) {
      const entry = entries[place];
      if (entry !== undefined && outcome.kind === 'refused') this.#reject(entry, outcome.error);
    }
    const failed = outcomes.find((outcome) => outcome.kind === 'failed');
    if (failed?.kind === 'failed') throw failed.error;
    return done('sent').length;
  }

  /**
   * Whether NATS does not have the job. One that was never sent is not asked for, unless its id may stand for a job
   * that is there: NATS was not there to ask when the idempotency key came.
   */
  async #isUnsent(session: BrokerSession, { job, tries }: OutboxEntry): Promise<boolean | ThroughlineError> {
    if (tries === 0 && job.fingerprint === undefined) return true;
    try {
      const { isStored, isEnded, fingerprint } = await standingOf(session, job);
      if (!isStored && !isEnded) return true;
      if (job.fingerprint === undefined || fingerprint === job.fingerprint) return false;
      return new ThroughlineError(
        'idempotency-key-reused',
        'its Idempotency-Key stands for an earlier job of another request',
      );
    } catch (thrown) {
      return ThroughlineError.from(thrown);
    }
  }

  async #carryOut(
    session: BrokerSession,
    entry: OutboxEntry,
    unsent: boolean | ThroughlineError,
  ): Promise<'sent' | 'ended'> {
    if (unsent instanceof ThroughlineError) throw unsent;
    if (entry.cancelledAt !== undefined) {
      await cancelUnsent(this.#parts, session, entry.job, entry.cancelledAt);
      return 'ended';
    }
    if (unsent) await this.#publish(session, entry);
    return 'sent';
  }

  async #publish(session: BrokerSession, { job, body, addedAt, tries }: OutboxEntry): Promise<void> {
    const now = Date.now();
    const waitedMs = Math.max(0, now - addedAt);
    if (subjectOf(job, now).startsWith('delayed.')) checkSchedules(session);
    await publishJob(session, job, body, { waitedMs, again: tries > 0 });
    this.#parts.accepted(job.tenant, queuedJob(job, 'stream'));
    const sent = extract(fromRecord(job.carrier), this.#parts.own).context;
    const attributes = { [ATTR.jobId]: job.jobId, [ATTR.outboxTimeMs]: waitedMs };
    tracer
      .startSpan('wait in outbox', { kind: SpanKind.INTERNAL, startTime: addedAt, attributes }, sent)
      .end(Date.now());
    context.with(sent, () =>
      this.#parts.log.info('job published', {
        ...{ job_id: job.jobId, operation: job.operation, tenant: job.tenant, outbox_ms: waitedMs },
      }),
    );
  }

  #reject({ position, job }: OutboxEntry, { code, message }: ThroughlineError): void {
    this.#parts.outbox.reject(position, `${code}: ${message}`);
    this.#parts.log.error('job rejected: NATS will not take it', {
      ...{ job_id: job.jobId, tenant: job.tenant, code, reason: message },
    });
  }
}

async function outcomeOf(work: Promise<'sent' | 'ended'>): Promise<Outcome> {
  try {
    return { kind: await work };
  } catch (thrown) {
    const error = ThroughlineError.from(thrown);
    return { kind: FOR_GOOD.includes(error.code) ? 'refused' : 'failed', error };
  }
}
