import type { Context } from 'hono';
import { createMiddleware } from 'hono/factory';
import { withDeadline } from '../../../shared/deadline.ts';
import { ThroughlineError } from '../../../shared/errors.ts';
import { LIMITS } from '../../../shared/job/limits.ts';
import { utf8Fault } from '../../../shared/text/json/json-fault.ts';
import { readJson } from '../../../shared/text/json/read-json.ts';
import type { EdgeHono } from '../edge-app.ts';
import { readBody } from './read-body.ts';

/** Room for the fields around the input of a job. */
const ENVELOPE_BYTES = 8 * 1024;
const MAX_DEPTH = 64;
/** The longest that a request takes once its body has been read, with some room. */
const ANSWER_MS = 2 * LIMITS.waitSeconds * 1_000;
const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: false });
const JSON_MEDIA_TYPE = /^application\/(?:[a-z0-9.+-]+\+)?json\s*(?:;|$)/i;

/**
 * Reads the body as JSON and sets it as `c.var.body`. A body that is compressed, too large, nested too deep or too
 * slow is refused.
 * @param options.inputs how many inputs of the largest size the body may hold
 */
export function jsonBody({ inputs = 1 }: { readonly inputs?: number } = {}) {
  return createMiddleware<EdgeHono>(async function jsonBody(c, next) {
    checkMediaType(c);
    const maxSize = inputs * (c.env.config.MAX_INPUT_BYTES + ENVELOPE_BYTES);
    const { BODY_TIMEOUT_MS } = c.env.config;
    const { openBodies, requestContext } = c.env;
    const tenant = requestContext.identity?.tenant ?? '';
    let close = openBodies.add(tenant, sizeIn(c, maxSize), BODY_TIMEOUT_MS + ANSWER_MS);
    try {
      const bytes = await withDeadline(
        readBody(c.req.raw, maxSize),
        BODY_TIMEOUT_MS,
        () => new ThroughlineError('body-timeout', `the body did not arrive within ${BODY_TIMEOUT_MS} ms`),
      );
      close();
      // It is never larger than it could be, so there is room.
      close = openBodies.add(tenant, bytes.length, ANSWER_MS);
      c.set('body', parseBody(decodeUtf8(bytes)));
      await next();
    } finally {
      close();
    }
  });
}

/** The most bytes of the body that are kept. */
function sizeIn(c: Context<EdgeHono>, maxSize: number): number {
  const length = Number(c.req.header('content-length') ?? maxSize);
  return length <= maxSize ? length : maxSize;
}

/** A refusal says what would be taken (RFC 9110, section 15.5.16). */
function checkMediaType(c: Context<EdgeHono>): void {
  if (!JSON_MEDIA_TYPE.test(c.req.header('content-type') ?? '')) {
    c.header('accept', 'application/json');
    throw new ThroughlineError('media-type-unsupported', 'send the body as "Content-Type: application/json"');
  }
  if ((c.req.header('content-encoding') ?? 'identity').toLowerCase() !== 'identity') {
    c.header('accept-encoding', 'identity');
    throw new ThroughlineError('media-type-unsupported', 'send the body without a Content-Encoding');
  }
}

/**
 * JSON is sent as UTF-8 (RFC 8259, section 8.1). Other bytes are an error: replacing them would change the caller's
 * data.
 */
function decodeUtf8(bytes: Uint8Array): string {
  try {
    return decoder.decode(bytes);
  } catch {
    throw new ThroughlineError('request-invalid', `the body ${utf8Fault(bytes)}`);
  }
}

function parseBody(text: string): unknown {
  const read = readJson(text, MAX_DEPTH);
  if ('value' in read) return read.value;
  const { fault, violations } = read;
  throw new ThroughlineError('request-invalid', `the body ${fault}`, { violations });
}
