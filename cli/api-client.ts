import { Job } from '../shared/job.ts';
import { type Carrier, setCarrier } from '../shared/propagation/index.ts';
import { ApiError } from './api-error.ts';
import { CliError } from './cli-error.ts';
import { exchange, type HttpAnswer } from './http-answer.ts';
import { VERSION } from './version.ts';

const TIMEOUT_MS = 15_000;

/** What a later version of the API says more of a job is kept. */
const JobAnswer = Job.loose();

/** Body of `POST /v1/jobs`. */
export interface Submission {
  readonly operation: string;
  readonly input: unknown;
  readonly timeout?: string | undefined;
  readonly maxAttempts?: number | undefined;
}

/** What else a submission says, in its headers. */
export interface SubmissionHeaders {
  readonly carrier: Carrier;
  /** Seconds the API is asked to wait for the job's end. */
  readonly waitSeconds?: number | undefined;
  readonly idempotencyKey?: string | undefined;
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

  constructor(options: ApiClientOptions) {
    this.#options = options;
    this.jobsUrl = `${options.url}/v1/jobs`;
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

  async #exchange(
    url: string,
    request: { method?: string; headers: Record<string, string>; body?: string; timeoutMs: number },
  ): Promise<HttpAnswer> {
    const { apiKey, signal } = this.#options;
    const headers: Record<string, string> = {
      accept: 'application/json, application/problem+json',
      'user-agent': `throughline-cli/${VERSION}`,
      ...request.headers,
    };
    if (apiKey !== undefined) headers.authorization = `Bearer ${apiKey}`;
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

function readJob({ url, status, text }: HttpAnswer): Job {
  try {
    return JobAnswer.parse(JSON.parse(text));
  } catch (cause) {
    const message = `${url} answered (HTTP status ${status}) with something that is not a job`;
    throw new CliError('answer-invalid', message, {
      cause,
      hint: 'is this the address of a Throughline API?',
    });
  }
}
