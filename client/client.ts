import type { BatchReport } from '../shared/api/answers/batch-report.ts';
import type { CancelReport } from '../shared/api/answers/cancel-report.ts';
import type { DeadLetterDetail, DeadLetterPage, RedriveReport } from '../shared/api/answers/dead-letter.ts';
import type { JobPage } from '../shared/api/answers/job-list.ts';
import type { ListedOperation } from '../shared/api/answers/operation-list.ts';
import type { OutboxItem } from '../shared/api/answers/outbox.ts';
import type { UsageReport } from '../shared/api/usage.ts';
import type { Job } from '../shared/job/job.ts';
import { isTerminal } from '../shared/job/job-state.ts';
import type { InputOf } from '../shared/operation-types.ts';
import { ANSWERS, type Expected } from './answers.ts';
import { baseUrl, idPart, keyHeader } from './arguments.ts';
import { NoAnswerError } from './errors.ts';
import type {
  CallOptions,
  CancelFilter,
  ClientOptions,
  DeadLetterFilter,
  JobFilter,
  RedriveFilter,
  SubmitOptions,
  WaitOptions,
  WatchOptions,
} from './options.ts';
import { Patience } from './patience.ts';
import { Schedules } from './schedules.ts';
import { type Answer, queryOf, type Request, Transport } from './transport.ts';
import type {
  AnyOperations,
  BatchReportOf,
  EventOf,
  JobId,
  JobOf,
  NamedOptions,
  NameIn,
  NameOf,
  SubmissionIn,
  SubmissionOf,
  Submitted,
  UnknownBatch,
} from './typed.ts';
import { watchEvents } from './watch.ts';

/** A request for many jobs may take longer: the API has ten seconds for a redrive of many, and for a batch. */
const MANY_TIMEOUT_MS = 30_000;

/**
 * A client of the HTTP API, version 1. Every method throws {@link ApiError} when the API answers with an error, and
 * {@link NoAnswerError} when no answer comes that can be read. What can never be sent, such as a line break in a key, is
 * a ThroughlineError `request-invalid`, and nothing is sent then. When a signal ends a call, the call throws the
 * signal's reason.
 *
 * @example
 * const client = new ThroughlineClient({ url: 'https://jobs.example', apiKey });
 * const { job } = await client.submit({ operation: 'greet', input: { name: 'Ada' } }, { waitSeconds: 10 });
 */
export class ThroughlineClient<Registry = AnyOperations> {
  readonly #transport: Transport;
  /** Address of the jobs. */
  readonly jobsUrl: string;
  /** Address of the dead letters. */
  readonly deadLettersUrl: string;
  /** Address of the outbox: the accepted jobs that NATS does not have. */
  readonly outboxUrl: string;
  /** Jobs that run again and again. */
  readonly schedules: Schedules<Registry>;
  readonly #operationsUrl: string;
  readonly #usageUrl: string;

  constructor(options: ClientOptions) {
    const url = baseUrl(options.url);
    this.#transport = new Transport(options);
    this.jobsUrl = `${url}/v1/jobs`;
    this.deadLettersUrl = `${url}/v1/dead-letters`;
    this.outboxUrl = `${url}/v1/outbox`;
    this.schedules = new Schedules(`${url}/v1/schedules`, (...request) => this.#ask(...request));
    this.#operationsUrl = `${url}/v1/operations`;
    this.#usageUrl = `${url}/v1/usage`;
  }

  /** Address of a job. @throws ThroughlineError `request-invalid` when nothing can have this id */
  jobUrl(id: string): string {
    return `${this.jobsUrl}/${idPart(id)}`;
  }

  /**
   * Submits a job of an operation by its name. `submit<typeof greet>('greet', input)` checks the input, and types the result.
   * @param options those of the call, and the fields of the job, such as `delay`
   */
  async submit<Operation = never>(
    operation: NameOf<Operation>,
    input: InputOf<Operation>,
    options?: NamedOptions,
  ): Promise<Submitted<Operation>>;
  /** Submits a job of an operation of the registry by its name. */
  async submit<Name extends NameIn<Registry>>(
    operation: Name,
    input: InputOf<Registry[Name]>,
    options?: NamedOptions,
  ): Promise<Submitted<Registry[Name]>>;
  /** Submits a job. */
  async submit<Name extends NameIn<Registry>>(
    job: SubmissionIn<Registry, Name>,
    options?: SubmitOptions,
  ): Promise<Submitted<Registry[Name]>>;
  async submit(first: unknown, second?: unknown, third: NamedOptions = {}): Promise<Submitted<never>> {
    const [job, options] =
      typeof first === 'string'
        ? [{ operation: first, input: second }, third]
        : [first, (second ?? {}) as SubmitOptions];
    // All others are fields of the job: the API names those that there are not.
    const { trace, signal, timeoutMs, waitSeconds, idempotencyKey, ...fields } = options;
    const body = Object.keys(fields).length > 0 ? { ...fields, ...(job as object) } : job;
    const answer = await this.#ask(
      ANSWERS.job,
      this.jobsUrl,
      { trace, signal, timeoutMs },
      { method: 'POST', headers: keyHeader(idempotencyKey), body, waitSeconds },
    );
    const replayed = answer.headers.get('idempotency-replayed') === 'true';
    const existing = answer.headers.get('unique-existing') === 'true';
    return { job: answer.value as JobOf<never>, status: answer.status, replayed, existing };
  }

  /**
   * Submits up to 100 jobs.
   * @returns a job or a problem for each, in order: the answer that its own request would have got
   */
  async submitBatch<Operations extends readonly unknown[] = never>(
    jobs: { readonly [Index in keyof Operations]: SubmissionOf<Operations[Index]> },
    options?: Omit<SubmitOptions, 'waitSeconds'>,
  ): Promise<BatchReportOf<Operations>>;
  async submitBatch(
    jobs: UnknownBatch<Registry>,
    options?: Omit<SubmitOptions, 'waitSeconds'>,
  ): Promise<BatchReport>;
  async submitBatch<const Names extends readonly NameIn<Registry>[]>(
    jobs: { readonly [Index in keyof Names]: SubmissionIn<Registry, Names[Index]> },
    options?: Omit<SubmitOptions, 'waitSeconds'>,
  ): Promise<BatchReportOf<{ readonly [Index in keyof Names]: Registry[Names[Index]] }>>;
  async submitBatch(
    jobs: unknown,
    { idempotencyKey, ...call }: Omit<SubmitOptions, 'waitSeconds'> = {},
  ): Promise<unknown> {
    const request = { headers: keyHeader(idempotencyKey), body: { jobs } };
    return await this.#askForMany(ANSWERS.batch, `${this.jobsUrl}/batch`, call, request);
  }

  /** Reads a job, with its attempts. */
  async get<Operation = unknown>(id: JobId<Operation>, options: CallOptions = {}): Promise<JobOf<Operation>> {
    return (await this.#ask(ANSWERS.job, this.jobUrl(id), options)).value as JobOf<Operation>;
  }

  /** Reads a page of jobs, newest first, without their results. */
  async list(filter: JobFilter<NameIn<Registry>> = {}, options: CallOptions = {}): Promise<JobPage> {
    return (await this.#ask(ANSWERS.jobs, this.jobsUrl + queryOf(filter), options)).value;
  }

  /** Waits until a job has ended, however long that takes, and reads it. */
  async wait<Operation = unknown>(
    id: JobId<Operation>,
    options: CallOptions = {},
  ): Promise<JobOf<Operation>> {
    let job = await this.#read(id, options);
    // A loop, because a redrive may start the job again after its last event and before the next read.
    const { timeoutMs: _ofEachRead, ...following } = options;
    while (!isTerminal(job.state)) {
      for await (const _ of this.watch(id, following));
      job = await this.#read(id, options);
    }
    return job as JobOf<Operation>;
  }

  /** Reads a job. Waits while the API is away or busy. */
  async #read(id: string, options: CallOptions): Promise<Job> {
    const url = this.jobUrl(id);
    const patience = new Patience({ signal: this.#transport.signalOf(options.signal) });
    for (;;) {
      try {
        return (await this.#transport.request(ANSWERS.job, url, options)).value;
      } catch (thrown) {
        await patience.afterFailure(thrown).catch((final: unknown) => {
          throw this.#surfaced(final);
        });
      }
    }
  }

  /**
   * Gives the events of a job as they happen: from the first event, or from the one after `lastEventId`, to the job's
   * end. It connects again when a connection breaks. When the API is busy, it waits for as long as the API asks. Leaving
   * the loop closes the connection.
   */
  async *watch<Operation = unknown>(
    id: JobId<Operation>,
    { lastEventId, onBusy, ...call }: WatchOptions = {},
  ): AsyncGenerator<EventOf<Operation>> {
    const url = `${this.jobUrl(id)}/events`;
    const patience = new Patience({ signal: this.#transport.signalOf(call.signal), onBusy });
    try {
      yield* watchEvents(
        (lastId, onId) => this.#transport.openStream(url, lastId, onId, call),
        lastEventId,
        patience,
      ) as AsyncGenerator<EventOf<Operation>>;
    } catch (thrown) {
      throw this.#surfaced(thrown);
    }
  }

  /**
   * Cancels a job. If the job has already ended, it throws an {@link ApiError} `job-finished`.
   * @returns the job as it is now, and the HTTP status: 202 means that a worker was told to end the job
   */
  async cancel<Operation = unknown>(
    id: JobId<Operation>,
    { waitSeconds, ...call }: WaitOptions = {},
  ): Promise<{ job: JobOf<Operation>; status: number }> {
    const request = { method: 'DELETE', waitSeconds };
    const { value, status } = await this.#ask(ANSWERS.job, this.jobUrl(id), call, request);
    return { job: value as JobOf<Operation>, status };
  }

  /**
   * Cancels jobs that have not ended, the newest first, at most 100 in one call. Call it with the `cursor` of the answer for
   * the rest.
   */
  async cancelMany(
    body: CancelFilter<NameIn<Registry>> = {},
    options: CallOptions = {},
  ): Promise<CancelReport> {
    const url = `${this.jobsUrl}/cancel`;
    return await this.#askForMany(ANSWERS.cancels, url, options, { body });
  }

  /** Reads a page of dead letters, oldest first. */
  async listDeadLetters(
    filter: DeadLetterFilter<NameIn<Registry>> = {},
    options: CallOptions = {},
  ): Promise<DeadLetterPage> {
    return (await this.#ask(ANSWERS.deadLetters, this.deadLettersUrl + queryOf(filter), options)).value;
  }

  /** Reads a dead letter by its job's id, with all that it holds. */
  async deadLetter(id: string, options: CallOptions = {}): Promise<DeadLetterDetail> {
    return (await this.#ask(ANSWERS.deadLetter, this.#deadLetterUrl(id), options)).value;
  }

  /** Sends a dead letter again. */
  async redrive<Operation = unknown>(
    id: JobId<Operation>,
    options: CallOptions = {},
  ): Promise<JobOf<Operation>> {
    const url = `${this.#deadLetterUrl(id)}/redrive`;
    return (await this.#ask(ANSWERS.job, url, options, { method: 'POST' })).value as JobOf<Operation>;
  }

  /**
   * Sends dead letters again, at most 100 in one call, and no more than the quotas of jobs allow. Call it with the `cursor` of
   * the answer for the rest.
   */
  async redriveMany(
    body: RedriveFilter<NameIn<Registry>> = {},
    options: CallOptions = {},
  ): Promise<RedriveReport> {
    const url = `${this.deadLettersUrl}/redrive`;
    return await this.#askForMany(ANSWERS.redrives, url, options, { body });
  }

  /** Reads the jobs of the outbox: accepted jobs that NATS does not have, because it is away or has rejected them. */
  async outbox(filter: Pick<JobFilter, 'limit'> = {}, options: CallOptions = {}): Promise<OutboxItem[]> {
    return (await this.#ask(ANSWERS.outbox, this.outboxUrl + queryOf(filter), options)).value.jobs;
  }

  /** Sends a rejected job of the outbox again. @param id the `id` that {@link outbox} lists, not the job's id */
  async retry(id: string, options: CallOptions = {}): Promise<Job> {
    const url = `${this.outboxUrl}/${idPart(id)}/retry`;
    return (await this.#ask(ANSWERS.job, url, options, { method: 'POST' })).value;
  }

  /**
   * Gives up a rejected job of the outbox. If no other job has its job's id, it ends as cancelled.
   * @param id the `id` that {@link outbox} lists, not the job's id
   * @returns the job as it was
   */
  async removeRejected(id: string, options: CallOptions = {}): Promise<OutboxItem> {
    const url = `${this.outboxUrl}/${idPart(id)}`;
    return (await this.#ask(ANSWERS.outboxItem, url, options, { method: 'DELETE' })).value;
  }

  /** Reads what your jobs take, and your quotas. */
  async usage(options: CallOptions = {}): Promise<UsageReport> {
    return (await this.#ask(ANSWERS.usage, this.#usageUrl, options)).value;
  }

  /** Reads the operations that can be run, as the workers announced them. */
  async operations(options: CallOptions = {}): Promise<ListedOperation[]> {
    return (await this.#ask(ANSWERS.operations, this.#operationsUrl, options)).value.operations;
  }

  /** The error to throw when no answer came. Override it in a program that has its own errors. */
  protected surface(error: NoAnswerError): Error {
    return error;
  }

  #surfaced(thrown: unknown): unknown {
    return thrown instanceof NoAnswerError ? this.surface(thrown) : thrown;
  }

  #deadLetterUrl(id: string): string {
    return `${this.deadLettersUrl}/${idPart(id)}`;
  }

  async #ask<T>(
    expected: Expected<T>,
    url: string,
    options: CallOptions,
    request?: Request,
  ): Promise<Answer<T>> {
    try {
      return await this.#transport.request(expected, url, options, request);
    } catch (thrown) {
      throw this.#surfaced(thrown);
    }
  }

  /** Sends a POST for many jobs. */
  async #askForMany<T>(
    expected: Expected<T>,
    url: string,
    options: CallOptions,
    request: Request,
  ): Promise<T> {
    const call = { timeoutMs: MANY_TIMEOUT_MS, ...options };
    return (await this.#ask(expected, url, call, { ...request, method: 'POST' })).value;
  }
}
