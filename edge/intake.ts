import { findApiKey } from '../shared/api-key.ts';
import { extract, fromHeaders } from '../shared/propagation/index.ts';
import type { EdgeConfig } from './config.ts';
import type { Identity, Intake } from './scope.ts';

const BEARER = /^Bearer ([\x21-\x7e]{1,256})$/i;

/**
 * Reads who calls and what trace context came along. Both come before the request's span, since who calls decides
 * whether the span may continue the caller's trace.
 */
export async function takeIn(request: Request, config: EdgeConfig): Promise<Intake> {
  const identity = await identify(request, config);
  return {
    identity,
    extraction: extract(fromHeaders(request.headers)),
    trusted:
      config.TRACE_TRUST === 'all' || (config.TRACE_TRUST === 'authenticated' && identity !== undefined),
  };
}

async function identify(request: Request, config: EdgeConfig): Promise<Identity | undefined> {
  const [, key] = BEARER.exec(request.headers.get('authorization') ?? '') ?? [];
  const entry = key === undefined ? undefined : await findApiKey(key, config.API_KEYS);
  return entry === undefined ? undefined : { tenant: entry.tenant, keyId: entry.id };
}
