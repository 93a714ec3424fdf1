import { type ErrorCode, isApiErrorCode, ThroughlineError, type Violation } from '../shared/errors.ts';
import { parseJson } from '../shared/text/json/parse-json.ts';
import { isObject, list, object, text } from './shape.ts';

/** An error that the API answered. If this version of the client does not know the code, `code` is the nearest one that it knows. */
export class ApiError extends ThroughlineError {
  readonly httpStatus: number;
  /** The problem document (RFC 9457), with everything that the API sent. */
  readonly problem: Readonly<Record<string, unknown>>;

  constructor(answer: {
    readonly status: number;
    readonly url: string;
    readonly headers?: Headers;
    readonly text: string;
  }) {
    const sent = readProblem(answer.text);
    const message = sent.detail ?? sent.title ?? sentenceOf(answer);
    const code = codeOf(sent.code, answer.status);
    super(code, message, {
      violations: sent.violations,
      suggestions: sent.suggestions,
      retryAfterSeconds: secondsOf(answer.headers?.get('retry-after') ?? ''),
    });
    this.name = 'ApiError';
    this.httpStatus = answer.status;
    const own = {
      type: `urn:throughline:problem:${code}`,
      title: `HTTP status ${answer.status}`,
      code,
      detail: message,
    };
    this.problem = { ...own, status: answer.status, ...sent };
  }

  /** The trace of the failed request: name it when you ask for help. */
  get traceId(): string | undefined {
    return this.problem.traceId as string | undefined;
  }

  /** The HTTP status of the answer. */
  get status(): number {
    return this.httpStatus;
  }
}

/**
 * The seconds of a `Retry-After` header (RFC 9110, section 10.2.3): a number, or a date in the one form that servers may
 * send. Each `Date.parse` reads that form (ECMAScript, section 21.4.4.43).
 */
function secondsOf(header: string): number | undefined {
  if (/^\d+$/.test(header)) return Number(header);
  if (!/^\w{3}, .{20} GMT$/.test(header)) return undefined;
  const ms = Date.parse(header) - Date.now();
  return Number.isNaN(ms) ? undefined : Math.max(0, Math.ceil(ms / 1_000));
}

/** The parts of a problem document that are read. */
interface SentProblem {
  readonly code?: string;
  readonly title?: string;
  readonly detail?: string;
  readonly traceId?: string;
  readonly violations: readonly Violation[];
  readonly suggestions: readonly string[];
}

export const violation = object<Violation>({ path: text, message: text });

/** Reads a problem document. A malformed or empty part is left out and the others are kept, also those that are not known. */
function readProblem(body: string): SentProblem {
  const document = parseJson(body);
  if (!isObject(document)) return { violations: [], suggestions: [] };
  const { code, title, detail, traceId, violations, suggestions, ...others } = document;
  const texts = Object.entries({ code, title, detail, traceId }).filter(([, part]) => part && text(part));
  return {
    ...others,
    ...Object.fromEntries(texts),
    violations: list(violation)(violations) ? violations : [],
    suggestions: list(text)(suggestions) ? suggestions : [],
  };
}

/** The codes of answers that a gateway in front of the API may give in its place. */
const CODE_OF_STATUS: Readonly<Record<number, ErrorCode>> = {
  401: 'unauthenticated',
  403: 'forbidden',
  404: 'route-unknown',
  405: 'method-not-allowed',
  408: 'body-timeout',
  413: 'payload-too-large',
  415: 'media-type-unsupported',
  429: 'rate-limited',
};

function codeOf(sent: string | undefined, status: number): ErrorCode {
  if (sent !== undefined && isApiErrorCode(sent)) return sent;
  return CODE_OF_STATUS[status] ?? (status < 500 ? 'request-invalid' : 'internal');
}

/** The sentence for an answer that is not a problem document. */
function sentenceOf({ url, status, headers }: { url: string; status: number; headers?: Headers }): string {
  const location = status >= 300 && status < 400 ? headers?.get('location') : undefined;
  const target = location ? URL.parse(location, url) : null;
  // The query may hold a token. A redirect is not followed, since the key would go along. Browsers hide its status.
  return `${url} answered with HTTP status ${status || '3xx'}${target === null ? '' : ` and leads to ${target.origin}`}`;
}

/**
 * Why there is no answer: the API cannot be reached, it is too slow, the answer is not one of Throughline's API, or the
 * API is too old to have event streams.
 */
type NoAnswerCode = 'unreachable' | 'timeout' | 'answer-invalid' | 'no-stream';

/** There is no answer that can be read. The request may still have had its effect. */
export class NoAnswerError extends Error {
  readonly code: NoAnswerCode;

  constructor(code: NoAnswerCode, message: string, cause?: unknown) {
    super(message, cause === undefined ? undefined : { cause });
    this.name = 'NoAnswerError';
    this.code = code;
  }
}
