import type { Extraction } from '../../shared/propagation/index.ts';
import type { Identification } from '../access/identify.ts';
import type { BridgeClient } from '../calls/bridge-client.ts';
import type { JobIndexClient } from '../calls/job-index-client.ts';
import type { EdgeConfig } from '../config.ts';
import type { Logger } from '../telemetry/log.ts';

/** What is known of a request before it is handled. */
export interface RequestContext extends Identification {
  /** What the trace headers say. */
  readonly extraction: Extraction;
  /** Whether the caller may write into our traces (`TRACE_TRUST`). */
  readonly trusted: boolean;
}

/** What every route gets, as Hono's bindings. */
export interface Scope {
  readonly config: EdgeConfig;
  readonly log: Logger;
  readonly bridge: BridgeClient;
  readonly index: JobIndexClient;
  readonly requestContext: RequestContext;
}

export interface EdgeHono {
  Bindings: Scope;
  Variables: {
    /** The request's body, parsed but not checked; set by the `jsonBody` middleware. */
    body: unknown;
  };
}
