import { context, ROOT_CONTEXT } from '@opentelemetry/api';
import { errorFrom, loggedReason } from '../shared/error-table.ts';
import { ThroughlineError } from '../shared/errors.ts';
import { startTrace } from '../shared/propagation/index.ts';
import { OpenBodies } from './access/open-bodies.ts';
import { RequestLimits } from './access/request-limits.ts';
import { BridgeClient } from './calls/bridge-client.ts';
import { JobIndexClient } from './calls/job-index-client.ts';
import { PlaceSeal } from './calls/place-seal.ts';
import { type Region, type RequestLocation, regionOf } from './calls/placement.ts';
import { SchedulesClient } from './calls/schedules-client.ts';
import { bindingWarnings, type EdgeConfig, type EdgeSettings, type Env, edgeSettings } from './config.ts';
import { allowedMethods, createApp } from './http/app.ts';
import { drainingResponse } from './http/drain-body.ts';
import type { AppBindings } from './http/edge-app.ts';
import { InputRulesCache } from './http/input-rules-cache.ts';
import { COMMON_HEADERS } from './http/middleware/answer-headers.ts';
import { problemResponse } from './http/middleware/problems.ts';
import { type RequestContext, readRequestContext } from './http/request-context.ts';
import { isProbe } from './http/routes/health.ts';
import { createLogger, type Logger, logFailure } from './telemetry/log.ts';
import { sendMetrics } from './telemetry/measure/otlp-metrics.ts';
import { flushSpans, startTelemetry } from './telemetry/runtime.ts';
import { inServerSpan } from './telemetry/server-span.ts';
import { withCaller } from './telemetry/trace-budget.ts';
import { withoutRecording } from './telemetry/unrecorded.ts';

type Handler = (
  request: Request,
  requestContext: RequestContext,
  ctx: ExecutionContext,
) => Response | Promise<Response>;

const app = createApp();
/** A handler for each `env`; the requests of an isolate share one. */
const handlers = new WeakMap<Env, Handler>();

/** Answers a request to the API. It never throws: an error becomes a problem document. */
export async function answerRequest(request: Request, env: Env, ctx: ExecutionContext): Promise<Response> {
  const resolved = resolve(request);
  if (resolved === undefined) return drainingResponse(request, answerWithoutPath(request), ctx);
  let response: Response;
  try {
    const settings = edgeSettings(env);
    const reading = readRequestContext(resolved, settings.config, ctx);
    const requestContext = reading instanceof Promise ? await reading : reading;
    response = await handlerOf(env, settings)(resolved, requestContext, ctx);
  } catch (thrown) {
    response = answerFailure(thrown, env);
  }
  return drainingResponse(resolved, response, ctx);
}

/** A URL that is the same after it is parsed: its path has no dots, and nothing that would be encoded. */
const RESOLVED = /^https?:\/\/[a-z0-9.-]+(?::[0-9]+)?\/[\w/-]*$/;

/** A Host header that does not end before the path begins: workerd writes one behind the other. */
const LONG_HOST = /[/?#\\@]/;

/**
 * The request with its path resolved. Cloudflare resolves paths, workerd alone does not. Undefined if the URL cannot be parsed, or if the
 * Host header is longer than a host.
 */
function resolve(request: Request): Request | undefined {
  if (LONG_HOST.test(request.headers.get('host') ?? '')) return undefined;
  if (RESOLVED.test(request.url)) return request;
  const url = URL.parse(request.url);
  if (url === null) return undefined;
  return url.href === request.url ? request : new Request(url, request);
}

/** Whether the API has a route at a path, for any method. */
export function hasRoute(path: string): boolean {
  return allowedMethods(app, path).length > 0;
}

/** The class of the bridges. */
export { Bridge } from './bridge/bridge.ts';
/** The class of the index. */
export { JobIndex } from './job-index/job-index.ts';
/** The class of the schedules of a tenant. */
export { Schedules } from './schedules/schedules.ts';

function answerFailure(thrown: unknown, env: Env): Response {
  const error = errorFrom(thrown);
  // A wrong name may be the reason of a bad configuration. It is for the log only.
  const ignored = error.code === 'config-invalid' ? { ignored: bindingWarnings(env) } : {};
  createLogger('info').error(loggedReason(error), { code: error.code, ...ignored });
  return problemResponse(error);
}

/** Answers `OPTIONS *`, which asks for the methods of the whole server (RFC 9110, section 9.3.7). Its URL cannot be parsed. */
function answerWithoutPath({ method }: Request): Response {
  if (method !== 'OPTIONS')
    return problemResponse(
      new ThroughlineError('request-invalid', 'the request has no path, or a wrong Host'),
    );
  const allow = 'GET, POST, PUT, DELETE, OPTIONS';
  return new Response(null, { status: 204, headers: { allow, ...COMMON_HEADERS } });
}

function handlerOf(env: Env, { config, warnings }: EdgeSettings): Handler {
  const existing = handlers.get(env);
  if (existing !== undefined) return existing;
  const log = createLogger(config.LOG_LEVEL);
  for (const reason of warnings) log.warn('setting ignored', { reason });
  const answerByApp = createAppHandler(env, config, log);
  const { on } = startTelemetry(config, log);
  const handler = on ? traced(answerByApp, config.TRACE_PROBES) : untraced(answerByApp);
  handlers.set(env, handler);
  return handler;
}

/** Answers a request with the app. The app's bindings are made for each request: its region chooses the bridges. */
function createAppHandler(env: Env, config: EdgeConfig, log: Logger): Handler {
  const { info: audit } = createLogger('info');
  const index = new JobIndexClient(env.JOB_INDEX, config.INDEX_SHARDS);
  const schedules = new SchedulesClient(env.SCHEDULES, config.BROKER_TIMEOUT_MS);
  const seal = new PlaceSeal(config);
  const inputRules = new InputRulesCache();
  const requestLimits = new RequestLimits(config);
  const openBodies = new OpenBodies();
  const byRegion = config.BRIDGE_PLACEMENT === 'region';
  const clientOf = (region: Region | undefined): BridgeClient =>
    new BridgeClient(env.BRIDGE, {
      shards: config.BRIDGE_SHARDS,
      brokerTimeoutMs: config.BROKER_TIMEOUT_MS,
      onFailure: (error) => logFailure(log, error),
      byRegion,
      region,
      locationHint: config.BRIDGE_LOCATION_HINT,
    });
  // One client for each region, since a client keeps what it knows of the bridges.
  const bridges = new Map<Region | undefined, BridgeClient>();
  return (request, requestContext, ctx) => {
    const region = byRegion ? regionOf((request.cf ?? {}) as RequestLocation) : undefined;
    const bridge = bridges.get(region) ?? clientOf(region);
    bridges.set(region, bridge);
    sendMetrics(ctx, config, log);
    const bindings: AppBindings = {
      config,
      log,
      audit,
      bridge,
      index,
      schedules,
      seal,
      inputRules,
      requestContext,
      requestLimits,
      openBodies,
    };
    return app.fetch(request, bindings, ctx);
  };
}

/**
 * Runs a handler in a SERVER span. The span continues the caller's trace if the caller is trusted. Afterwards, the ended spans
 * are exported.
 * @param probes whether probes are recorded too (see {@link isProbe})
 */
function traced(handler: Handler, probes: boolean): Handler {
  return (request, requestContext, ctx) => {
    const { trusted, extraction, identity } = requestContext;
    const caller = withCaller(trusted ? extraction.context : ROOT_CONTEXT, identity?.tenant);
    const isRecorded = probes || !isProbe(request);
    return inServerSpan(
      request,
      isRecorded ? caller : withoutRecording(caller),
      () => handler(request, requestContext, ctx),
      () => flushSpans(ctx),
    );
  };
}

/**
 * Runs a handler without a span. The caller's trace context goes on unchanged. A caller without one gets a trace
 * context that nobody records, so that the log lines of a job have an id in common.
 */
function untraced(handler: Handler): Handler {
  return (request, requestContext, ctx) => {
    const { trusted, extraction } = requestContext;
    const isContinued = trusted && extraction.spanContext !== undefined;
    return context.with(isContinued ? extraction.context : startTrace(), () =>
      handler(request, requestContext, ctx),
    );
  };
}
