import { instrument, instrumentDO, type TraceConfig } from '@microlabs/otel-cf-workers';
import { context } from '@opentelemetry/api';
import { errorFrom } from '../shared/error-table.ts';
import { ThroughlineError } from '../shared/errors.ts';
import { startTrace } from '../shared/propagation/index.ts';
import { RequestLimits } from './access/request-limits.ts';
import { Bridge as BridgeObject } from './bridge/bridge.ts';
import { BridgeClient } from './calls/bridge-client.ts';
import { JobIndexClient } from './calls/job-index-client.ts';
import { PlaceSeal } from './calls/place-seal.ts';
import { type RequestLocation, regionOf } from './calls/placement.ts';
import { SchedulesClient } from './calls/schedules-client.ts';
import {
  bindingWarnings,
  type EdgeConfig,
  type EdgeSettings,
  type Env,
  edgeConfig,
  edgeSettings,
} from './config.ts';
import { allowedMethods, createApp } from './http/app.ts';
import { drainingResponse } from './http/drain-body.ts';
import type { EdgeBindings } from './http/edge-app.ts';
import { InputRulesCache } from './http/input-rules-cache.ts';
import { problemResponse } from './http/middleware/problems.ts';
import { type RequestContext, readRequestContext } from './http/request-context.ts';
import { JobIndex as JobIndexObject } from './job-index/job-index.ts';
import { Schedules as SchedulesObject } from './schedules/schedules.ts';
import { createLogger } from './telemetry/log.ts';
import { type Telemetry, telemetry } from './telemetry/runtime.ts';
import { createSampler } from './telemetry/sampler.ts';
import { withCaller } from './telemetry/trace-budget.ts';

/**
 * An empty `env` for the instrumentation. At each request it asks each binding for a property with a random name, and V8
 * keeps these names (half a kilobyte each). Our handler gets the real `env`. Seen in otel-cf-workers 1.0.0-rc.52.
 */
const NO_BINDINGS = {} as Env;

type Handler = (request: Request, requestContext: RequestContext, ctx: ExecutionContext) => Promise<Response>;

const app = createApp();
/** A handler for each `env`; the requests of an isolate share one. */
const handlers = new WeakMap<Env, Handler>();
/** The context of each traced request: the instrumentation gives {@link isTrusted} the request, and nothing else. */
const tracedRequests = new WeakMap<Request, RequestContext>();

/** Answers a request to the API. It never throws: an error becomes a problem document. */
export async function answerRequest(request: Request, env: Env, ctx: ExecutionContext): Promise<Response> {
  const url = URL.parse(request.url);
  if (url === null) return await drainingResponse(request, answerWithoutPath(request), ctx);
  // Cloudflare resolves dots in a path; workerd by itself does not.
  const resolved = url.href === request.url ? request : new Request(url, request);
  return await drainingResponse(resolved, await answer(resolved, env, ctx), ctx);
}

/** Whether the API has a route at a path, for any method. */
export function hasRoute(path: string): boolean {
  return allowedMethods(app, path).length > 0;
}

/** The bridge's class. */
export const Bridge = tracedClass(BridgeObject);

/** The class of the schedules of a tenant. Each run starts a trace of its own. */
export const Schedules = tracedClass(SchedulesObject);

/**
 * The index's class. Only work for a caller is traced, within the caller's trace. Otherwise each alarm would make a
 * trace.
 */
export const JobIndex = new Proxy(JobIndexObject, {
  construct(target, [state, env]: [DurableObjectState, Env]) {
    const tracing = telemetryOf(edgeConfig(env));
    if (!tracing.on) return new target(state, env);
    const trace = { ...tracing.trace, sampling: { headSampler: createSampler('always_off', 1) } };
    return Reflect.construct(instrumentDO(target, trace), [state, env]);
  },
});

/** Whether an object is instrumented depends on `env`, so its class is chosen when it is made. */
function tracedClass<Class extends typeof BridgeObject | typeof SchedulesObject>(objectClass: Class): Class {
  return new Proxy(objectClass, {
    construct(target, [state, env]: [DurableObjectState, Env]) {
      const tracing = telemetryOf(edgeConfig(env));
      return Reflect.construct(tracing.on ? instrumentDO(target, tracing.trace) : target, [state, env]);
    },
  });
}

async function answer(request: Request, env: Env, ctx: ExecutionContext): Promise<Response> {
  try {
    const settings = edgeSettings(env);
    const requestContext = await readRequestContext(request, settings.config, ctx);
    return await handlerOf(env, settings)(request, requestContext, ctx);
  } catch (thrown) {
    const error = errorFrom(thrown);
    // A wrong name may be the reason of a bad configuration. It is for the log only.
    const ignored = error.code === 'config-invalid' ? { ignored: bindingWarnings(env) } : {};
    createLogger('info').error(error.message, { code: error.code, ...ignored });
    return problemResponse(error);
  }
}

/** Answers `OPTIONS *`, which asks for the methods of the whole server (RFC 9110, section 9.3.7). Its URL cannot be parsed. */
function answerWithoutPath({ method }: Request): Response {
  if (method !== 'OPTIONS')
    return problemResponse(new ThroughlineError('request-invalid', 'the request names no path'));
  const headers = { allow: 'GET, POST, PUT, DELETE, OPTIONS', 'cache-control': 'no-store' };
  return new Response(null, { status: 204, headers });
}

function handlerOf(env: Env, { config, warnings }: EdgeSettings): Handler {
  const existing = handlers.get(env);
  if (existing !== undefined) return existing;
  const log = createLogger(config.LOG_LEVEL);
  for (const reason of warnings) log.warn('setting ignored', { reason });
  const answerByApp = createAppHandler(env, config);
  const tracing = telemetryOf(config);
  const handler = tracing.on ? traced(answerByApp, tracing.trace) : untraced(answerByApp);
  handlers.set(env, handler);
  return handler;
}

/** Answers a request with the app. The app's bindings are made for each request: its region chooses the bridges. */
function createAppHandler(env: Env, config: EdgeConfig): Handler {
  const log = createLogger(config.LOG_LEVEL);
  const { info: audit } = createLogger('info');
  const index = new JobIndexClient(env.JOB_INDEX, config.INDEX_SHARDS);
  const schedules = new SchedulesClient(env.SCHEDULES, config.BROKER_TIMEOUT_MS);
  const seal = new PlaceSeal(config);
  const inputRules = new InputRulesCache();
  const requestLimits = new RequestLimits(config);
  return async (request, requestContext, ctx) => {
    const byRegion = config.BRIDGE_PLACEMENT === 'region';
    const bridge = new BridgeClient(env.BRIDGE, {
      shards: config.BRIDGE_SHARDS,
      brokerTimeoutMs: config.BROKER_TIMEOUT_MS,
      byRegion,
      region: byRegion ? regionOf((request.cf ?? {}) as RequestLocation) : undefined,
      locationHint: config.BRIDGE_LOCATION_HINT,
    });
    return await app.fetch(
      request,
      {
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
      } satisfies EdgeBindings,
      ctx,
    );
  };
}

/**
 * Runs a handler in a SERVER span. Our own `env` is not instrumented, since each call to a bridge would then have two
 * spans.
 */
function traced(handler: Handler, trace: TraceConfig): Handler {
  const instrumented = instrument<Env, unknown, unknown>(
    { fetch: (request, _env, ctx) => handler(request, contextOf(request), ctx) },
    trace,
  );
  return async (request, requestContext, ctx) => {
    if (instrumented.fetch === undefined) throw new ThroughlineError('internal', 'the handler is missing');
    tracedRequests.set(request, requestContext);
    const { fetch } = instrumented;
    return await context.with(withCaller(context.active(), requestContext.identity?.tenant), () =>
      fetch(request as Parameters<typeof fetch>[0], NO_BINDINGS, ctx),
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

function telemetryOf(config: EdgeConfig): Telemetry {
  return telemetry(config, createLogger(config.LOG_LEVEL), isTrusted);
}

function isTrusted(request: Request): boolean {
  return tracedRequests.get(request)?.trusted ?? false;
}

function contextOf(request: Request): RequestContext {
  const requestContext = tracedRequests.get(request);
  if (requestContext === undefined)
    throw new ThroughlineError('internal', 'a traced request has no request context');
  return requestContext;
}
