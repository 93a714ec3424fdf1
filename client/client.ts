import * as z from 'zod';
import { BatchReport } from '../shared/api/batch.ts';
import { DeadLetterDetail, DeadLetterPage, RedriveReport } from '../shared/api/dead-letter.ts';
import { JobPage, JobSummary } from '../shared/api/job-list.ts';
import { type OperationAnnouncement, OperationList } from '../shared/api/operation.ts';
import { type OutboxItem, OutboxList } from '../shared/api/outbox.ts';
import type { HistoryEvent } from '../shared/job/event-record.ts';
import { isTerminal, Job } from '../shared/job/job.ts';
import { setCarrier } from '../shared/propagation/carrier.ts';
import { ApiError } from './api-error.ts';
import { readEventStream, type StreamMessage } from './event-stream.ts';
import { exchange, exchangeStream, type HttpAnswer } from './exchange.ts';
import { NoAnswerError } from './no-answer-error.ts';
import type {
  CallOptions,
  DeadLetterFilter,
  JobFilter,
  RedriveFilter,
  Submission,
  SubmitOptions,
  TraceHeaders,
  WaitOptions,
  WatchOptions,
} from './options.ts';
import { watchEvents } from './watch.ts';

const TIMEOUT_MS = 15_000;
/** The API breaks the silence of an event stream every 15 s; after three times that it is gone. */
const SILENCE_MS = 45_000;
/** A bridge may take ten seconds for a redrive of many, and as long for a batch. */
const MANY_TIMEOUT_MS = 30_000;

/** What a later version of the API says more of a job is kept. */
const JobAnswer = Job.loose();
const PageAnswer = JobPage.extend({ jobs: z.array(JobSummary.loose()) });
const DetailAnswer = DeadLetterDetail.loose();

export interface ClientOptions {
  /** Where the API is: `https://jobs.example`. */
  readonly url: string;
  /** An API key, or a JWT. */
  readonly apiKey?: string | undefined;
  /** Gives the trace of each request, such as OpenTelemetry's `propagation.inject` into an object. */
  readonly trace?: (() => TraceHeaders) | undefined;
  /** What every request has besides. */
  readonly headers?: Readonly<Record<string, string>> | undefined;
  /** Ends every request. */
  readonly signal?: AbortSignal | undefined;
  /** Another `fetch`, such as that of a service binding. */
  readonly fetch?: typeof globalThis.fetch | undefined;
}

interface Call extends CallOptions {
  readonly method?: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: unknown;
}

/**
 * The HTTP API, version 1. Every method throws {@link ApiError} for an error that the API answers, and
 * {@link NoAnswerError} where no answer comes that can be read; a signal ends a call with its own reason.
 *
 * @example
 * const client = new ThroughlineClient({ url: 'https://jobs.example', apiKey });
 * const { job } = await client.submit({ operation: 'greet', input: { name: 'Ada' } }, { waitSeconds: 10 });
 */
export class ThroughlineClient {
  readonly #options: ClientOptions;
  readonly #signal: AbortSignal;
  /** Where jobs are submitted. */
  readonly jobsUrl: string;
  /** Where dead letters are. */
  readonly deadLettersUrl: string;
  /** Where the jobs are that NATS does not have. */
  readonly outboxUrl: string;

  constructor(options: ClientOptions) {
    const url = options.url.replace(/\/+$/, '');
    this.#options = { ...options, url };
    this.#signal = options.signal ?? new AbortController().signal;
    this.jobsUrl = `${url}/v1/jobs`;
    this.deadLettersUrl = `${url}/v1/dead-letters`;
    this.outboxUrl = `${url}/v1/outbox`;
  }

  /** Where a job is. */
  jobUrl(id: string): string {
    return `${this.jobsUrl}/${encodeURIComponent(id)}`;
  }

  /**
   * Submits a job.
   * @returns the job as it stands, the HTTP status, and whether it was there already (`idempotencyKey`)
   */
  async submit(
    body: Submission,
    options: SubmitOptions = {},
  ): Promise<{ job: Job; status: number; replayed: boolean }> {
    const headers = { ...preferHeader(options), ...keyHeader(options) };
    const answer = await this.#call(this.jobsUrl, { ...waiting(options), method: 'POST', headers, body });
    const replayed = answer.headers.get('idempotency-replayed') === 'true';
    return { job: this.#read(JobAnswer, 'a job', answer), status: answer.status, replayed };
  }

  /**
   * Submits up to 100 jobs.
   * @returns for each, in order, what a request of its own would have been answered: a job or a problem
   */
  async submitBatch(
    jobs: readonly unknown[],
    options: Omit<SubmitOptions, 'waitSeconds'> = {},
  ): Promise<BatchReport> {
    const answer = await this.#call(`${this.jobsUrl}/batch`, {
      timeoutMs: MANY_TIMEOUT_MS,
      ...options,
      method: 'POST',
      headers: keyHeader(options),
      body: { jobs },
    });
    return this.#read(BatchReport, 'a report of a batch', answer);
  }

  /** Reads a job, with its attempts. */
  async get(id: string, options: CallOptions = {}): Promise<Job> {
    return this.#read(JobAnswer, 'a job', await this.#call(this.jobUrl(id), options));
  }

  /** A page of jobs, newest first, each without its result. */
  async list(filter: JobFilter = {}, options: CallOptions = {}): Promise<JobPage> {
    const url = `${this.jobsUrl}${queryOf(filter)}`;
    return this.#read(PageAnswer, 'a list of jobs', await this.#call(url, options));
  }

  /** Waits for a job's end, however long that takes, and reads it then. */
  async wait(id: string, options: CallOptions = {}): Promise<Job> {
    let job = await this.get(id, options);
    // A job may be redriven between its last event and the question for it.
    while (!isTerminal(job.state)) {
      for await (const _ of this.watch(id, options));
      job = await this.get(id, options);
    }
    return job;
  }

  /**
   * The events of a job as they happen, from the first (or the one behind `lastEventId`) to its end, over any number
   * of connections. Leaving the loop closes the connection.
   */
  async *watch(id: string, options: WatchOptions = {}): AsyncGenerator<HistoryEvent> {
    const signal = this.#signalOf(options);
    try {
      yield* watchEvents((lastId) => this.#connect(id, lastId, options, signal), options.lastEventId, signal);
    } catch (thrown) {
      throw this.#surfaced(thrown);
    }
  }

  /**
   * Cancels a job. One that had ended before is an {@link ApiError} `job-finished`.
   * @returns the job as it stands, and the HTTP status: 202 when a worker was told to end it
   */
  async cancel(id: string, options: WaitOptions = {}): Promise<{ job: Job; status: number }> {
    const headers = preferHeader(options);
    const answer = await this.#call(this.jobUrl(id), { ...waiting(options), method: 'DELETE', headers });
    return { job: this.#read(JobAnswer, 'a job', answer), status: answer.status };
  }

  /** A page of dead letters, oldest first. */
  async listDeadLetters(filter: DeadLetterFilter = {}, options: CallOptions = {}): Promise<DeadLetterPage> {
    const url = `${this.deadLettersUrl}${queryOf(filter)}`;
    return this.#read(DeadLetterPage, 'a list of dead letters', await this.#call(url, options));
  }

  /** A dead letter, by its job's id, with all that it holds. */
  async deadLetter(id: string, options: CallOptions = {}): Promise<DeadLetterDetail> {
    const url = `${this.deadLettersUrl}/${encodeURIComponent(id)}`;
    return this.#read(DetailAnswer, 'a dead letter', await this.#call(url, options));
  }

  /** Redrives a dead letter. */
  async redrive(id: string, options: CallOptions = {}): Promise<Job> {
    const url = `${this.deadLettersUrl}/${encodeURIComponent(id)}/redrive`;
    return this.#read(JobAnswer, 'a job', await this.#call(url, { ...options, method: 'POST' }));
  }

  /** Redrives many dead letters, at most 100; with the `cursor` of the answer, the rest. */
  async redriveMany(body: RedriveFilter = {}, options: CallOptions = {}): Promise<RedriveReport> {
    const url = `${this.deadLettersUrl}/redrive`;
    const call = { timeoutMs: MANY_TIMEOUT_MS, ...options, method: 'POST', body };
    return this.#read(RedriveReport, 'a report of redrives', await this.#call(url, call));
  }

  /** Your jobs that NATS does not have: because it is away, or because it will not take them. */
  async outbox(filter: Pick<JobFilter, 'limit'> = {}, options: CallOptions = {}): Promise<OutboxItem[]> {
    const answer = await this.#call(`${this.outboxUrl}${queryOf(filter)}`, options);
    return this.#read(OutboxList, 'a list of the outbox', answer).jobs;
  }

  /** Sends a rejected job of the outbox again. */
  async retry(id: string, options: CallOptions = {}): Promise<Job> {
    const url = `${this.outboxUrl}/${encodeURIComponent(id)}/retry`;
    return this.#read(JobAnswer, 'a job', await this.#call(url, { ...options, method: 'POST' }));
  }

  /** What can be run, as the workers announced it. */
  async operations(options: CallOptions = {}): Promise<OperationAnnouncement[]> {
    const answer = await this.#call(`${this.#options.url}/v1/operations`, options);
    return this.#read(OperationList, 'a list of operations', answer).operations;
  }

  /** The error that is thrown where no answer came: for programs that have errors of their own. */
  protected surface(error: NoAnswerError): Error {
    return error;
  }

  #surfaced(thrown: unknown): unknown {
    return thrown instanceof NoAnswerError ? this.surface(thrown) : thrown;
  }

  /** Opens the event stream of a job. @throws NoAnswerError `no-stream`, from an API of before there were any */
  async #connect(
    id: string,
    lastId: string | undefined,
    options: CallOptions,
    signal: AbortSignal,
  ): Promise<AsyncIterable<StreamMessage> | 'over'> {
    const answer = await exchangeStream({
      url: `${this.jobUrl(id)}/events`,
      headers: {
        ...this.#headers(options),
        accept: 'text/event-stream, application/problem+json',
        ...(lastId === undefined ? {} : { 'last-event-id': lastId }),
      },
      ...{ timeoutMs: SILENCE_MS, signal, fetch: this.#options.fetch, who: 'the API' },
    });
    const { url, status } = answer;
    if (status === 200 && answer.mediaType === 'text/event-stream') return messagesOf(answer.body);
    const text = await answer.text();
    if (status === 204) return 'over';
    const error = new ApiError({ url, status, text });
    const isOther = (status >= 200 && status < 300) || (status === 404 && error.code !== 'job-unknown');
    throw isOther ? new NoAnswerError('no-stream', `${url} is no event stream`, error) : error;
  }

  async #call(url: string, { method, headers, body, timeoutMs, ...options }: Call): Promise<HttpAnswer> {
    const json = body === undefined ? {} : { 'content-type': 'application/json' };
    const answer = await exchange({
      ...{ url, method, fetch: this.#options.fetch, who: 'the API', signal: this.#signalOf(options) },
      headers: { ...this.#headers(options), ...json, ...headers },
      body: body === undefined ? undefined : JSON.stringify(body),
      timeoutMs: timeoutMs ?? TIMEOUT_MS,
    }).catch((thrown: unknown) => {
      throw this.#surfaced(thrown);
    });
    if (answer.status < 200 || answer.status >= 300) throw new ApiError(answer);
    return answer;
  }

  #signalOf({ signal }: CallOptions): AbortSignal {
    return signal === undefined ? this.#signal : AbortSignal.any([this.#signal, signal]);
  }

  #headers({ trace }: CallOptions): Record<string, string> {
    const { apiKey, headers } = this.#options;
    const all: Record<string, string> = { accept: 'application/json, application/problem+json', ...headers };
    if (apiKey !== undefined) all.authorization = `Bearer ${apiKey}`;
    setCarrier(trace ?? this.#options.trace?.() ?? {}, (name, value) => {
      all[name] = value;
    });
    return all;
  }

  #read<T>(schema: z.ZodType<T>, what: string, { url, status, text }: HttpAnswer): T {
    try {
      return schema.parse(JSON.parse(text));
    } catch (cause) {
      const message = `${url} answered (HTTP status ${status}) with something that is not ${what}`;
      throw this.#surfaced(new NoAnswerError('answer-invalid', message, cause));
    }
  }
}

function queryOf(filter: JobFilter | DeadLetterFilter): string {
  const query = new URLSearchParams();
  for (const [name, value] of Object.entries(filter)) if (value !== undefined) query.set(name, String(value));
  return query.size === 0 ? '' : `?${query}`;
}

/** The API may take as long as it is asked to wait, and its usual time. */
function waiting({ waitSeconds = 0, timeoutMs = TIMEOUT_MS, ...options }: WaitOptions): CallOptions {
  const { trace, signal } = options;
  return { trace, signal, timeoutMs: timeoutMs + waitSeconds * 1_000 };
}

function preferHeader({ waitSeconds }: WaitOptions): Record<string, string> {
  return waitSeconds === undefined ? {} : { prefer: `wait=${waitSeconds}` };
}

function keyHeader({ idempotencyKey }: SubmitOptions): Record<string, string> {
  return idempotencyKey === undefined ? {} : { 'idempotency-key': idempotencyKey };
}

/** Comments only say that the API is there. */
async function* messagesOf(body: AsyncIterable<Uint8Array>): AsyncGenerator<StreamMessage> {
  for await (const message of readEventStream(body)) if (message !== undefined) yield message;
}
