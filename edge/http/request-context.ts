import { type Extraction, extract, fromHeaders } from '../../shared/propagation/index.ts';
import { type Identification, identify } from '../access/identify.ts';
import type { EdgeConfig } from '../config.ts';

/** What is known about a request before a route handles it. */
export interface RequestContext extends Identification {
  /** The caller's trace context, read from the trace headers. */
  readonly extraction: Extraction;
  /** Whether the caller may write into our traces (`TRACE_TRUST`). */
  readonly trusted: boolean;
}

/**
 * Reads who calls, and the caller's trace context. This happens before the request's span starts, because the span
 * continues the trace only of a caller whom we trust.
 */
export function readRequestContext(
  request: Request,
  config: EdgeConfig,
  ctx: Pick<ExecutionContext, 'waitUntil'>,
): RequestContext | Promise<RequestContext> {
  const { headers } = request;
  const identification = identify(headers.get('authorization'), config, (work) => ctx.waitUntil(work));
  return identification instanceof Promise
    ? identification.then((known) => contextOf(known, headers, config))
    : contextOf(identification, headers, config);
}

function contextOf(identification: Identification, headers: Headers, config: EdgeConfig): RequestContext {
  return {
    ...identification,
    extraction: extract(fromHeaders(headers)),
    trusted:
      config.TRACE_TRUST === 'all' ||
      (config.TRACE_TRUST === 'authenticated' && identification.identity !== undefined),
  };
}
