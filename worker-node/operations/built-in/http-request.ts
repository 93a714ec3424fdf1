import * as z from 'zod';
import { isThroughlineError, ThroughlineError } from '../../../shared/errors.ts';
import { JobError } from '../job-error.ts';
import { defineOperation, type Operation } from '../operation.ts';
import { retry, retryAfter } from '../outcome.ts';
import type { AllowList } from '../targets/allow-list.ts';
import { type HttpAnswer, type HttpRequest, sendRequest } from './http-exchange.ts';

const MAX_REDIRECTS = 5;
const MAX_RETRY_AFTER_SECONDS = 3_600;
/** Statuses after which the same request may succeed later. */
const TRANSIENT = [408, 425, 429, 500, 502, 503, 504];

/**
 * Headers that a job must not set. They belong to the connection, or name the host that was checked (RFC 9110, section
 * 7.6.1).
 */
const RESERVED =
  /^(?:host|content-length|transfer-encoding|connection|keep-alive|upgrade|expect|te|trailer|proxy-.*|traceparent|tracestate|baggage)$/i;
const HeaderName = z
  .string()
  .regex(/^[A-Za-z0-9-]{1,64}$/, 'must be letters, digits and "-"')
  .refine((name) => !RESERVED.test(name), 'is not for a job to set');

const Input = z.strictObject({
  url: z.url({ protocol: /^https?$/ }),
  method: z.enum(['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE']).default('GET'),
  headers: z.record(HeaderName, z.string().regex(/^[\x20-\x7e]*$/, 'must be printable ASCII')).default({}),
  /** The body. A text is sent as it is, and any other value is sent as JSON. */
  body: z.unknown().optional(),
  maxRedirects: z.int().min(0).max(MAX_REDIRECTS).default(0),
});

const Output = z.object({
  status: z.int(),
  headers: z.record(z.string(), z.string()),
  body: z.string(),
});

/**
 * Makes the operation that calls a URL inside the worker's network, with the trace context. The operator says which
 * targets are allowed (`HTTP_REQUEST_ALLOW`). By default no target is allowed.
 */
export function httpRequest(allowList: AllowList): Operation {
  return defineOperation({
    name: 'http.request',
    description: "Calls a URL inside the worker's network, with the job's trace context.",
    input: Input,
    output: Output,
    timeout: '30s',
    maxAttempts: 5,
    run: async ({ input, signal }) => {
      const answer = await follow(allowList, input, signal);
      if (!TRANSIENT.includes(answer.status)) return answer;
      const message = `the target answered ${answer.status}`;
      const seconds = Number(answer.headers['retry-after']);
      return seconds > 0 && seconds <= MAX_RETRY_AFTER_SECONDS
        ? retryAfter(seconds * 1_000, message)
        : retry(message);
    },
  });
}

async function follow(
  allowList: AllowList,
  input: z.output<typeof Input>,
  signal: AbortSignal,
): Promise<HttpAnswer> {
  let url = new URL(input.url);
  let request: HttpRequest = { method: input.method, headers: input.headers, body: input.body };
  for (let redirects = 0; ; redirects++) {
    allowList.check(url);
    const answer = await sendRequest(url, request, signal).catch(unreachable);
    const { location } = answer.headers;
    if (answer.status < 300 || answer.status > 399 || location === undefined) return answer;
    if (input.maxRedirects === 0) return answer;
    if (redirects === input.maxRedirects) {
      throw new ThroughlineError('operation-rejected', `more than ${input.maxRedirects} redirects`);
    }
    url = new URL(location, url);
    request = afterRedirect(request, answer.status);
  }
}

/** Node's error names the address of the target, which is one of the worker's network. */
function unreachable(cause: unknown): never {
  if (isThroughlineError(cause)) throw cause;
  throw new JobError('the target cannot be reached', { cause });
}

/**
 * Returns the request that follows a redirect. After a 303, and after a 301 or 302 to a POST, this is a GET without a
 * body (RFC 9110, section 15.4).
 */
function afterRedirect(request: HttpRequest, status: number): HttpRequest {
  const { headers } = request;
  // The redirect may lead to another host, which must not get the credentials for the first host.
  const safe = Object.fromEntries(
    Object.entries(headers).filter(([name]) => !/^(authorization|cookie)$/i.test(name)),
  );
  if (status === 303 || (status < 303 && request.method === 'POST')) {
    return { method: 'GET', headers: safe, body: undefined };
  }
  return { ...request, headers: safe };
}
