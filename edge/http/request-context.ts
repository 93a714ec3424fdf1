import type { Context } from 'hono';
import { ThroughlineError } from '../../shared/errors.ts';
import { type Extraction, extract, fromHeaders } from '../../shared/propagation/index.ts';
import { type Identification, identify } from '../access/identify.ts';
import type { BridgeClient } from '../calls/bridge-client.ts';
import type { JobIndexClient } from '../calls/job-index-client.ts';
import type { EdgeConfig } from '../config.ts';
import type { Logger } from '../telemetry/log.ts';

/** What is known about a request before a route handles it. */
export interface RequestContext extends Identification {
  /** The caller's trace context, read from the trace headers. */
  readonly extraction: Extraction;
  /** Whether the caller may write into our traces (`TRACE_TRUST`). */
  readonly trusted: boolean;
}

/** What every route gets, as Hono's bindings. */
export interface EdgeBindings {
  readonly config: EdgeConfig;
  readonly log: Logger;
  readonly bridge: BridgeClient;
  readonly index: JobIndexClient;
  readonly requestContext: RequestContext;
}

/** The types of our Hono app. */
export interface EdgeHono {
  Bindings: EdgeBindings;
  Variables: {
    /** The request's body, parsed as JSON but not yet checked. The `jsonBody` middleware sets it. */
    body: unknown;
  };
}

/**
 * Reads who calls, and with which trace context. This happens before the request's span starts: only a caller whom we
 * trust may have that span continue its trace.
 */
export async function readRequestContext(request: Request, config: EdgeConfig): Promise<RequestContext> {
  const identification = await identify(request.headers.get('authorization'), config);
  return {
    ...identification,
    extraction: extract(fromHeaders(request.headers)),
    trusted:
      config.TRACE_TRUST === 'all' ||
      (config.TRACE_TRUST === 'authenticated' && identification.identity !== undefined),
  };
}

/** The tenant whose jobs the request is about. @throws ThroughlineError `unauthenticated` */
export function tenantOf(c: Context<EdgeHono>): string {
  const { identity } = c.env.requestContext;
  if (identity === undefined) throw new ThroughlineError('unauthenticated', 'a key is needed');
  return identity.tenant;
}
