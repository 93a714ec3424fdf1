import { isTerminalEvent, type JobEvent } from '../../shared/job/event.ts';
import type { CallbackPublisher } from '../broker/callbacks/callback-publisher.ts';
import { moveToDeadLetters } from '../broker/dead-letters.ts';
import type { StoredPublisher } from '../broker/stored-publisher.ts';
import type { WorkerLogger } from '../log.ts';
import type { WorkerMetrics } from '../telemetry/metrics.ts';
import { redriveCountOf } from './attempt/redrive-count.ts';
import { endingOfOther, reportIn } from './classify.ts';
import type { Classified, Ending } from './pipeline-steps.ts';
import { describeOutcome } from './process-span.ts';

export interface EndRecorderParts {
  readonly callbacks: CallbackPublisher;
  readonly publisher: StoredPublisher;
  readonly metrics: Pick<WorkerMetrics, 'attemptEnded'>;
  readonly log: WorkerLogger;
  readonly group: string;
}

/** Stores how deliveries ended. */
export class EndRecorder {
  readonly #parts: EndRecorderParts;
  /** The operations of jobs that were handed back, since this host does not have them. */
  readonly #missing = new Set<string>();

  constructor(parts: EndRecorderParts) {
    this.#parts = parts;
  }

  /**
   * Makes the end of the delivery durable.
   * @throws ThroughlineError `broker-unavailable`; then the job is delivered again
   */
  async record(classified: Classified): Promise<Ending> {
    const { span, outcome, ending, chain, job } = classified;
    describeOutcome(span, classified);
    if (outcome.kind === 'ended') return await this.#recordDuplicate(classified, outcome.event);
    if (outcome.kind === 'missing') return this.#noteMissing(classified);
    if (outcome.kind === 'waits') return await this.#recordWait(classified);
    const recorded =
      ending.event === undefined
        ? endingOfOther(job, await chain.ownership())
        : await this.#recordEvent(classified, ending.event);
    this.#countEnd(classified, recorded);
    this.#logEnd(classified, recorded);
    return recorded;
  }

  /**
   * Stores the dead letter, the event and the callback task, in this order. After a crash in between, the next delivery
   * repeats a step. No step is lost.
   */
  async #recordEvent(
    { delivery, job, chain, ending, outcome }: Classified,
    event: JobEvent,
  ): Promise<Ending> {
    const { publisher, callbacks, log } = this.#parts;
    const isReadable = outcome.kind !== 'unreadable';
    if (ending.deadLetter !== undefined) {
      // A job that another delivery has ended gets no dead letter.
      if (isReadable && (await chain.ownership()) === 'ended') return endingOfOther(job, 'ended');
      await moveToDeadLetters({ publisher, log }, delivery, job.address, ending.deadLetter);
    }
    const ownership = await chain.record(event);
    if (ownership === 'ours' && isTerminalEvent(event)) await callbacks.store(job, event);
    return ownership === 'ours' || !isReadable ? ending : endingOfOther(job, ownership);
  }

  /**
   * The job had ended, and the ack of its message was lost. The callback task may be lost too, so it is stored again. A
   * message from before a redrive gets no callback task: the last event belongs to another redrive count.
   */
  async #recordDuplicate({ job, ending }: Classified, last: JobEvent): Promise<Ending> {
    if (isTerminalEvent(last) && (last.redriveCount ?? 0) === redriveCountOf(job))
      await this.#parts.callbacks.store(job, last);
    this.#parts.log.info({ job_id: last.jobId, state: last.kind }, 'job ended before; not run again');
    return ending;
  }

  /** Nothing is recorded: the attempt is not spent. The log has one line for each operation, however many jobs it has. */
  #noteMissing({ job, ending }: Classified): Ending {
    const { operation } = job.address;
    if (!this.#missing.has(operation)) {
      this.#missing.add(operation);
      const fields = { operation, group: this.#parts.group, job_id: job.address.jobId };
      this.#parts.log.warn(
        fields,
        'this host does not have the operation; its jobs wait for a host that does',
      );
    }
    return ending;
  }

  async #recordWait(classified: Classified): Promise<Ending> {
    const { attempt, outcome, ending } = classified;
    const { jobId, operation } = attempt.job.address;
    this.#parts.log.debug({ ...outcome, job_id: jobId, operation }, 'job waits for a limit');
    return ending.event === undefined ? ending : await this.#recordEvent(classified, ending.event);
  }

  #countEnd({ attempt, ranMs }: Classified, { conclusion }: Ending): void {
    const { operation, tenant } = attempt.job.address;
    const { number, acceptedAt } = attempt;
    const endToEndMs = Date.now() - Date.parse(acceptedAt);
    this.#parts.metrics.attemptEnded({ operation, tenant, conclusion, number, ranMs, endToEndMs });
  }

  #logEnd({ attempt, outcome, ranMs }: Classified, { conclusion }: Ending): void {
    const { jobId, operation, tenant } = attempt.job.address;
    const ids = { job_id: jobId, operation, tenant, attempt: attempt.number };
    const fields = { ...ids, state: conclusion, duration_ms: ranMs };
    const { summary, text: stack } = reportIn(outcome) ?? {};
    const { log } = this.#parts;
    // An unreadable message was logged when it was decoded.
    if (conclusion === 'unreadable') return;
    if (conclusion === 'duplicate' || conclusion === 'superseded')
      log.warn(fields, 'attempt not recorded: another delivery of the job was first');
    else if ('code' in outcome)
      log.warn(
        { ...fields, code: outcome.code, reason: summary ?? outcome.message, stack },
        'attempt failed',
      );
    else log.info(fields, 'job ended');
  }
}
