import * as z from 'zod';
import { problemOf } from '../shared/api/problem.ts';
import { ERRORS, type ErrorCode, ThroughlineError } from '../shared/errors.ts';
import { parseJson } from '../shared/text/json.ts';

/** Of a problem document, what is understood; a part that is malformed costs no other. */
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

/** An error that the API answered. Its code is the API's own where this version knows it, else one that fits. */
export class ApiError extends ThroughlineError {
  readonly httpStatus: number;
  /** The document to show: the API's own, where it sent one. */
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

  /** The trace of the failed request, for whoever helps. */
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
