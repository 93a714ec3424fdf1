import { HonoBase } from 'hono/hono-base';
import type { Result } from 'hono/router';
import { TrieRouter } from 'hono/router/trie-router';
import type { RouterRoute } from 'hono/types';
import type { OpenBodies } from '../access/open-bodies.ts';
import type { RequestLimits } from '../access/request-limits.ts';
import type { BridgeClient } from '../calls/bridge-client.ts';
import type { JobIndexClient } from '../calls/job-index-client.ts';
import type { PlaceSeal } from '../calls/place-seal.ts';
import type { SchedulesClient } from '../calls/schedules-client.ts';
import type { EdgeConfig } from '../config.ts';
import type { Logger } from '../telemetry/log.ts';
import type { InputRulesCache } from './input-rules-cache.ts';
import type { RequestContext } from './request-context.ts';

/** What every route gets, as Hono's bindings. */
export interface AppBindings {
  readonly config: EdgeConfig;
  readonly log: Logger;
  /** Writes a line of the audit, at every `LOG_LEVEL`. */
  readonly audit: Logger['info'];
  readonly bridge: BridgeClient;
  readonly index: JobIndexClient;
  readonly schedules: SchedulesClient;
  readonly seal: PlaceSeal;
  readonly inputRules: InputRulesCache;
  readonly requestContext: RequestContext;
  /** Counts the requests of tenants and addresses. */
  readonly requestLimits: RequestLimits;
  readonly openBodies: OpenBodies;
}

/** Headers by their names. A header with several values has a list. */
export type AnswerHeaders = Record<string, string | string[]>;

/** The types of our Hono app. */
export interface EdgeHono {
  Bindings: AppBindings;
  Variables: {
    /** The request's body, parsed as JSON but not yet checked. The `jsonBody` middleware sets it. */
    body: unknown;
    /** What the log line of the request says about its job. */
    loggedJob?: { readonly job_id: string; readonly operation: string };
    /** The headers that every answer to this request has. */
    commonHeaders: AnswerHeaders;
    /** Whether the answer already has the common headers. */
    isWhole?: true;
  };
}

/** Hono with the only router that our routes need. Hono's own class also brings two others, which add 2 KiB to the bundle. */
export class EdgeApp extends HonoBase<EdgeHono> {
  constructor() {
    super();
    this.router = new EdgeRouter();
  }
}

/** Remembers what it found for paths that are those of a route, without parameters. There are few of them. */
class EdgeRouter<T extends [unknown, RouterRoute]> extends TrieRouter<T> {
  readonly #found = new Map<string, Result<T>>();

  override match(method: string, path: string): Result<T> {
    const key = `${method} ${path}`;
    const known = this.#found.get(key);
    if (known !== undefined) return known;
    const found = super.match(method, path);
    const isRoute = found[0].some(([[, route]]) => route.method === method && route.path === path);
    if (isRoute) this.#found.set(key, found);
    return found;
  }
}
