import * as z from 'zod';
import { DeadLetterDetail, DeadLetterPage, RedriveReport } from '../shared/dead-letter.ts';
import { Job, type JobState } from '../shared/job.ts';
import { JobPage, JobSummary } from '../shared/job-list.ts';
import { type Carrier, setCarrier } from '../shared/propagation/index.ts';
import { ApiError } from './api-error.ts';
import { CliError } from './cli-error.ts';
import { readEventStream, type StreamMessage } from './event-stream.ts';
import { exchange, exchangeStream, type HttpAnswer } from './http-answer.ts';
import { VERSION } from './version.ts';

const TIMEOUT_MS = 15_000;
/** The API breaks the silence of an event stream every 15 s; after three times that it is gone. */
const SILENCE_MS = 45_000;

/** What a later version of the API says more of a job is kept. */
const JobAnswer = Job.loose();
const PageAnswer = JobPage.extend({ jobs: z.array(JobSummary.loose()) });
const DetailAnswer = DeadLetterDetail.loose();
/** A bridge may take ten seconds for a redrive of many. */
const REDRIVE_MANY_TIMEOUT_MS = 30_000;

/** Body of `POST /v1/jobs`. */
export interface Submission {
  readonly operation: string;
  readonly input: unknown;
  readonly delay?: string | undefined;
  readonly timeout?: string | undefined;
  readonly maxAttempts?: number | undefined;
  readonly callback?: { readonly url: string } | undefined;
}

/** What else a submission says, in its headers. */
export interface SubmissionHeaders {
  readonly carrier: Carrier;
  /** Seconds the API is asked to wait for the job's end. */
  readonly waitSeconds?: number | undefined;
  readonly idempotencyKey?: string | undefined;
}

/** Which jobs. */
export interface JobFilter {
  readonly state?: JobState | undefined;
  readonly operation?: string | undefined;
  readonly limit?: number | undefined;
  readonly cursor?: string | undefined;
}

/** Which dead letters. */
export interface DeadLetterFilter {
  readonly operation?: string | undefined;
  readonly limit?: number | undefined;
  readonly cursor?: string | undefined;
}

export interface ApiClientOptions {
  /** Without a slash at its end. */
  readonly url: string;
  readonly apiKey: string | undefined;
  /** Ends every request. */
  readonly signal: AbortSignal;
}

/** The HTTP API, version 1, as far as the command line needs it. */
export class ApiClient {
  readonly #options: ApiClientOptions;
  /** Where jobs are submitted. */
  readonly jobsUrl: string;
  /** Where dead letters are. */
  readonly deadLettersUrl: string;

  constructor(options: ApiClientOptions) {
    this.#options = options;
    this.jobsUrl = `${options.url}/v1/jobs`;
    this.deadLettersUrl = `${options.url}/v1/dead-letters`;
  }

  /**
   * Submits a job.
   * @returns the job as it stands, and the HTTP status
   * @throws ApiError what the API answers; CliError `api-unreachable` or `answer-invalid`
   */
  async submit(body: Submission, headers: SubmissionHeaders): Promise<{ job: Job; status: number }> {
    const { waitSeconds, idempotencyKey, carrier } = headers;
    const own: Record<string, string> = { 'content-type': 'application/json' };
    if (waitSeconds !== undefined) own.prefer = `wait=${waitSeconds}`;
    if (idempotencyKey !== undefined) own['idempotency-key'] = idempotencyKey;
    setCarrier(carrier, (name, value) => {
      own[name] = value;
    });
    const answer = await this.#exchange(this.jobsUrl, {
      method: 'POST',
      headers: own,
      body: JSON.stringify(body),
      timeoutMs: TIMEOUT_MS + (waitSeconds ?? 0) * 1_000,
    });
    return { job: readJob(answer), status: answer.status };
  }

  /**
   * Reads a job.
   * @param timeoutMs less than the usual 15 s
   * @throws ApiError what the API answers; CliError `api-unreachable` or `answer-invalid`
   */
  async job(id: string, timeoutMs = TIMEOUT_MS): Promise<Job> {
    return readJob(
      await this.#exchange(this.jobUrl(id), { headers: {}, timeoutMs: Math.min(timeoutMs, TIMEOUT_MS) }),
    );
  }

  /** A page of jobs, newest first. @throws as {@link job} */
  async jobs(filter: JobFilter): Promise<JobPage> {
    const url = `${this.jobsUrl}${queryOf(filter)}`;
    return readAnswer(
      PageAnswer,
      'a list of jobs',
      await this.#exchange(url, { headers: {}, timeoutMs: TIMEOUT_MS }),
    );
  }

  /** Where a job is. */
  jobUrl(id: string): string {
    return `${this.jobsUrl}/${encodeURIComponent(id)}`;
  }

  /**
   * Cancels a job.
   * @returns the job as it stands, and the HTTP status
   * @throws ApiError what the API answers (`job-finished`: it had ended before); CliError as {@link submit}
   */
  async cancel(
    id: string,
    { waitSeconds, carrier }: Pick<SubmissionHeaders, 'waitSeconds' | 'carrier'>,
  ): Promise<{ job: Job; status: number }> {
    const headers: Record<string, string> = {};
    if (waitSeconds !== undefined) headers.prefer = `wait=${waitSeconds}`;
    setCarrier(carrier, (name, value) => {
      headers[name] = value;
    });
    const timeoutMs = TIMEOUT_MS + (waitSeconds ?? 0) * 1_000;
    const answer = await this.#exchange(this.jobUrl(id), { method: 'DELETE', headers, timeoutMs });
    return { job: readJob(answer), status: answer.status };
  }

  /** A page of dead letters, oldest first. @throws as {@link job} */
  async deadLetters(filter: DeadLetterFilter): Promise<DeadLetterPage> {
    const url = `${this.deadLettersUrl}${queryOf(filter)}`;
    const answer = await this.#exchange(url, { headers: {}, timeoutMs: TIMEOUT_MS });
    return readAnswer(DeadLetterPage, 'a list of dead letters', answer);
  }

  /** A dead letter with all that it holds. @throws as {@link job} */
  async deadLetter(id: string): Promise<DeadLetterDetail> {
    const url = `${this.deadLettersUrl}/${encodeURIComponent(id)}`;
    const answer = await this.#exchange(url, { headers: {}, timeoutMs: TIMEOUT_MS });
    return readAnswer(DetailAnswer, 'a dead letter', answer);
  }

  /** Sends a dead letter round again. @throws as {@link job} */
  async redrive(id: string, carrier: Carrier): Promise<Job> {
    const url = `${this.deadLettersUrl}/${encodeURIComponent(id)}/redrive`;
    const request = { method: 'POST', headers: headersOf(carrier), timeoutMs: TIMEOUT_MS };
    return readJob(await this.#exchange(url, request));
  }

  /** Sends many dead letters round again. @throws as {@link job} */
  async redriveMany(body: DeadLetterFilter & { reason?: string | undefined }, carrier: Carrier) {
    const answer = await this.#exchange(`${this.deadLettersUrl}/redrive`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', ...headersOf(carrier) },
      body: JSON.stringify(body),
      timeoutMs: REDRIVE_MANY_TIMEOUT_MS,
    });
    return readAnswer(RedriveReport, 'a report of redrives', answer);
  }

  /**
   * The events of a job, from the one behind `lastId` on, as long as the API keeps the answer open.
   * @param late ends the answer
   * @returns `over`: the job has ended, and all was told; `none`: this API has no event streams
   * @throws ApiError what the API answers; CliError `api-unreachable`, also when the answer is cut
   */
  async events(
    id: string,
    lastId: string | undefined,
    late: AbortSignal,
  ): Promise<AsyncIterable<StreamMessage> | 'over' | 'none'> {
    const headers = { ...this.#headers(), accept: 'text/event-stream, application/problem+json' };
    const answer = await exchangeStream({
      url: `${this.jobsUrl}/${encodeURIComponent(id)}/events`,
      headers: lastId === undefined ? headers : { ...headers, 'last-event-id': lastId },
      timeoutMs: SILENCE_MS,
      signal: AbortSignal.any([this.#options.signal, late]),
      failure: UNREACHABLE,
    });
    const { url, status } = answer;
    if (status === 200 && answer.mediaType === 'text/event-stream') return messagesOf(answer.body);
    const text = await answer.text();
    if (status === 204) return 'over';
    if (status >= 200 && status < 300) return 'none';
    const error = new ApiError({ url, status, text });
    if (status === 404 && error.code !== 'job-unknown') return 'none';
    throw error;
  }

  #headers(): Record<string, string> {
    const { apiKey } = this.#options;
    const headers: Record<string, string> = {
      accept: 'application/json, application/problem+json',
      'user-agent': `throughline-cli/${VERSION}`,
    };
    if (apiKey !== undefined) headers.authorization = `Bearer ${apiKey}`;
    return headers;
  }

  async #exchange(
    url: string,
    request: { method?: string; headers: Record<string, string>; body?: string; timeoutMs: number },
  ): Promise<HttpAnswer> {
    const { signal } = this.#options;
    const headers = { ...this.#headers(), ...request.headers };
    const answer = await exchange({ ...request, url, headers, signal, failure: UNREACHABLE });
    if (answer.status < 200 || answer.status >= 300) throw new ApiError(answer);
    return answer;
  }
}

const UNREACHABLE = {
  code: 'api-unreachable',
  who: 'the API',
  hint: '`throughline dev` starts one on this machine; --url or THROUGHLINE_URL says where another is',
} as const;

function queryOf(filter: JobFilter | DeadLetterFilter): string {
  const query = new URLSearchParams();
  for (const [name, value] of Object.entries(filter)) {
    if (value !== undefined) query.set(name, String(value));
  }
  return query.size === 0 ? '' : `?${query}`;
}

function headersOf(carrier: Carrier): Record<string, string> {
  const headers: Record<string, string> = {};
  setCarrier(carrier, (name, value) => {
    headers[name] = value;
  });
  return headers;
}

const readJob = (answer: HttpAnswer): Job => readAnswer(JobAnswer, 'a job', answer);

/** Comments only say that the API is there. */
async function* messagesOf(body: AsyncIterable<Uint8Array>): AsyncGenerator<StreamMessage> {
  for await (const message of readEventStream(body)) if (message !== undefined) yield message;
}

function readAnswer<T>(schema: z.ZodType<T>, what: string, { url, status, text }: HttpAnswer): T {
  try {
    return schema.parse(JSON.parse(text));
  } catch (cause) {
    const message = `${url} answered (HTTP status ${status}) with something that is not ${what}`;
    throw new CliError('answer-invalid', message, {
      cause,
      hint: 'is this the address of a Throughline API?',
    });
  }
}
