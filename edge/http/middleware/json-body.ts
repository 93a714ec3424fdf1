import { createMiddleware } from 'hono/factory';
import { withDeadline } from '../../../shared/deadline.ts';
import { ThroughlineError } from '../../../shared/errors.ts';
import { jsonDepth } from '../../../shared/text/json.ts';
import type { EdgeHono } from '../edge-app.ts';
import { readBody } from './read-body.ts';

/** Room for the fields around the input of a job. */
const ENVELOPE_BYTES = 8 * 1024;
const MAX_DEPTH = 64;
const JSON_MEDIA_TYPE = /^application\/(?:[a-z0-9.+-]+\+)?json\s*(?:;|$)/i;

/**
 * Reads the body as JSON and sets it as `c.var.body`. A body that is compressed, too large, nested too deep or too
 * slow is refused.
 * @param options.inputs how many inputs of the largest size the body may hold
 */
export function jsonBody({ inputs = 1 }: { readonly inputs?: number } = {}) {
  return createMiddleware<EdgeHono>(async function jsonBody(c, next) {
    checkMediaType(c.req.header('content-type'), c.req.header('content-encoding'));
    const maxSize = inputs * (c.env.config.MAX_INPUT_BYTES + ENVELOPE_BYTES);
    const { BODY_TIMEOUT_MS } = c.env.config;
    const bytes = await withDeadline(
      readBody(c.req.raw, maxSize),
      BODY_TIMEOUT_MS,
      () => new ThroughlineError('body-timeout', `the body did not arrive within ${BODY_TIMEOUT_MS} ms`),
    );
    c.set('body', parseBody(decodeUtf8(bytes)));
    await next();
  });
}

function checkMediaType(type: string | undefined, encoding: string | undefined): void {
  if (type === undefined || !JSON_MEDIA_TYPE.test(type)) {
    throw new ThroughlineError('media-type-unsupported', 'send the job as "Content-Type: application/json"');
  }
  if (encoding !== undefined && encoding.toLowerCase() !== 'identity') {
    throw new ThroughlineError('media-type-unsupported', 'send the body without a Content-Encoding');
  }
}

/**
 * JSON is sent as UTF-8 (RFC 8259, section 8.1). Other bytes are an error: replacing them would change the caller's
 * data.
 */
function decodeUtf8(bytes: Uint8Array): string {
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: false }).decode(bytes);
  } catch (cause) {
    throw new ThroughlineError('request-invalid', 'the body is not UTF-8', { cause });
  }
}

function parseBody(text: string): unknown {
  if (jsonDepth(text, MAX_DEPTH) > MAX_DEPTH) {
    throw new ThroughlineError('request-invalid', `the body is nested deeper than ${MAX_DEPTH} levels`);
  }
  try {
    return JSON.parse(text);
  } catch (cause) {
    throw new ThroughlineError('request-invalid', 'the body is not valid JSON', { cause });
  }
}
