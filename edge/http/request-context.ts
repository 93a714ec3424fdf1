import { extract, fromHeaders } from '../../shared/propagation/index.ts';
import { identify } from '../access/identify.ts';
import type { EdgeConfig } from '../config.ts';
import type { RequestContext } from './scope.ts';

/**
 * Reads who calls and what trace context came along. Both come before the request's span, since who calls decides
 * whether the span may continue the caller's trace.
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
