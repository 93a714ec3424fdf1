import type { IncomingMessage } from 'node:http';
import * as z from 'zod';
import { isThroughlineError, ThroughlineError } from '../../../shared/errors.ts';
import { retryAfterMs } from '../../../shared/text/retry-after.ts';
import { JobError, withPrivateCause } from '../job-error.ts';
import { defineOperation, type Operation } from '../operation.ts';
import { type Outcome, retry, retryAfter } from '../outcome.ts';
import type { AllowList } from '../targets/allow-list.ts';
import { parseTarget } from '../targets/target-url.ts';
import { textOrBase64, undoCoding } from './answer-body.ts';
import {
  type HttpExchangeParts,
  type HttpRequest,
  headersOf,
  readBody,
  sendRequest,
} from './http-exchange.ts';
import { isRedirect, requestAfter } from './redirect.ts';
import { RequestHeaders } from './request-headers.ts';

const MAX_RESPONSE_BYTES = 256 * 1024;
const MAX_REDIRECTS = 5;
const MAX_RETRY_AFTER_MS = 60 * 60 * 1_000;
/** Statuses after which the same request may succeed later. */
const TRANSIENT = [408, 425, 429, 500, 502, 503, 504];
/** The body of this answer is a part of the encoded one, so it cannot be decoded. */
const PARTIAL_CONTENT = 206;

/** An http or https URL, without control characters, and without a user name or a password before the host. */
const HTTP_URL = /^[Hh][Tt][Tt][Pp][Ss]?:\/\/[^\s/?#\\@]+(?:[/?#\\][ -~\u0080-\uffff]*)?$/;

const Input = z.strictObject({
  url: z
    .string()
    .regex(HTTP_URL, 'must be an http or https URL, without a user name and a password')
    .transform((text, context) => {
      const url = parseTarget(text);
      if (url !== null) return url;
      context.addIssue('must be a URL');
      return z.NEVER;
    }),
  method: z.enum(['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE']).default('GET'),
  headers: RequestHeaders.default({}),
  /** The body. A text is sent as it is, in UTF-8; null is no body; any other value is sent as JSON. */
  body: z.unknown().optional(),
  maxRedirects: z.int().min(0).max(MAX_REDIRECTS).default(0),
});

const Output = z.object({
  status: z.int(),
  headers: z.record(z.string(), z.string()),
  /** Without its content coding. Bytes that are not text are in base64. */
  body: z.string(),
  isBase64Encoded: z.boolean(),
});

interface HttpRequestParts extends HttpExchangeParts {
  /** The origins that jobs may call. */
  readonly allow: AllowList;
}

/**
 * Makes the operation that calls a URL inside the worker's network, with the trace context. The operator says which
 * targets are allowed (`HTTP_REQUEST_ALLOW`). By default no target is allowed.
 */
export function httpRequest(parts: HttpRequestParts): Operation {
  return defineOperation({
    name: 'http.request',
    description: "Calls a URL inside the worker's network, with the job's trace context.",
    input: Input,
    output: Output,
    timeout: '30s',
    maxAttempts: 5,
    run: async ({ input, signal }) => {
      const response = await follow(parts, input, signal);
      return TRANSIENT.includes(statusOf(response))
        ? tryAgain(response, Date.now())
        : await resultOf(response);
    },
  });
}

async function follow(
  { allow, ...exchange }: HttpRequestParts,
  { url, method, headers, body, maxRedirects }: z.output<typeof Input>,
  signal: AbortSignal,
): Promise<IncomingMessage> {
  let request: HttpRequest = { url, method, headers, body };
  for (let redirects = 0; ; redirects++) {
    allow.check(request.url);
    const response = await sendRequest(exchange, request, signal).catch(unreachable);
    const { location } = response.headers;
    if (maxRedirects === 0 || !isRedirect(statusOf(response)) || location === undefined) return response;
    response.destroy();
    if (redirects === maxRedirects) {
      throw new ThroughlineError('operation-rejected', `more than ${maxRedirects} redirects`);
    }
    request = requestAfter(request, statusOf(response), location);
  }
}

/**
 * Node's error names the address of the target, which is one of the worker's network. A name that leads to a refused
 * address looks like one that does not exist: a caller must not learn which names that network has.
 */
function unreachable(cause: unknown): never {
  if (isThroughlineError(cause) && cause.code !== 'target-refused') throw cause;
  throw withPrivateCause(new JobError('the target cannot be reached', { cause }));
}

function tryAgain(response: IncomingMessage, now: number): Outcome {
  response.destroy();
  const message = `the target answered ${statusOf(response)}`;
  const delayMs = retryAfterMs(response.headers['retry-after'], now) ?? 0;
  return delayMs > 0 ? retryAfter(Math.min(delayMs, MAX_RETRY_AFTER_MS), message) : retry(message);
}

async function resultOf(response: IncomingMessage): Promise<z.input<typeof Output>> {
  const bytes = await readBody(response, MAX_RESPONSE_BYTES).catch(unreachable);
  const status = statusOf(response);
  const headers = headersOf(response);
  const coding = status === PARTIAL_CONTENT ? undefined : headers['content-encoding'];
  const decoded = await undoCoding(bytes, coding, MAX_RESPONSE_BYTES);
  return { status, headers, ...textOrBase64(decoded, headers['content-type']) };
}

function statusOf({ statusCode = 0 }: IncomingMessage): number {
  return statusCode;
}
