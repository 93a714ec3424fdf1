import * as z from 'zod';
import { problemOf } from '../shared/api/problem.ts';
import { ERRORS, type ErrorCode, ThroughlineError } from '../shared/errors.ts';
import { parseJson } from '../shared/text/json.ts';

/** The parts of a problem document that are read. A malformed part is left out and the others are kept. */
const ProblemDocument = z.looseObject({
  code: z.string().optional().catch(undefined),
  title: z.string().optional().catch(undefined),
  detail: z.string().optional().catch(undefined),
  traceId: z.string().optional().catch(undefined),
  violations: z
    .array(z.object({ path: z.string(), message: z.string() }))
    .default([])
    .catch([]),
  suggestions: z.array(z.string()).default([]).catch([]),
});

/** An error that the API answered. If this version does not know the API's code, it has the nearest code that it knows. */
export class ApiError extends ThroughlineError {
  readonly httpStatus: number;
  /** The problem document (RFC 9457), with everything that the API sent. */
  readonly problem: Readonly<Record<string, unknown>>;

  constructor(answer: { readonly status: number; readonly url: string; readonly text: string }) {
    const sent = ProblemDocument.safeParse(parseJson(answer.text)).data;
    const message = sent?.detail ?? sent?.title ?? `${answer.url} answered with HTTP status ${answer.status}`;
    super(codeOf(sent?.code, answer.status), message, {
      violations: sent?.violations ?? [],
      suggestions: sent?.suggestions ?? [],
    });
    this.name = 'ApiError';
    this.httpStatus = answer.status;
    this.problem = { ...problemOf(this, sent?.traceId), status: answer.status, ...sent };
  }

  /** The trace of the failed request: name it when you ask for help. */
  get traceId(): string | undefined {
    return this.problem.traceId as string | undefined;
  }

  override get status(): number {
    return this.httpStatus;
  }
}

function codeOf(sent: string | undefined, status: number): ErrorCode {
  if (sent !== undefined && Object.hasOwn(ERRORS, sent)) return sent as ErrorCode;
  if (status === 401) return 'unauthenticated';
  return status < 500 ? 'request-invalid' : 'internal';
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
