import { instrument, instrumentDO } from '@microlabs/otel-cf-workers';
import { context } from '@opentelemetry/api';
import { ThroughlineError } from '../shared/errors.ts';
import { startTrace } from '../shared/propagation/index.ts';
import { Bridge as BridgeObject } from './bridge/bridge.ts';
import { BridgeClient } from './calls/bridge-client.ts';
import { JobIndexClient } from './calls/job-index-client.ts';
import { type RequestLocation, regionOf } from './calls/region.ts';
import { type EdgeConfig, type Env, edgeConfig } from './config.ts';
import { createApp } from './http/app.ts';
import { drainingResponse } from './http/drain-body.ts';
import type { EdgeBindings } from './http/edge-app.ts';
import { problemResponse } from './http/middleware/problems.ts';
import { type RequestContext, readRequestContext } from './http/request-context.ts';
import { JobIndex as JobIndexObject } from './job-index/job-index.ts';
import { createLogger, type Logger } from './telemetry/log.ts';
import { type Telemetry, telemetry } from './telemetry/runtime.ts';
import { createSampler } from './telemetry/sampler.ts';

/**
 * What the instrumentation gets for an `env`, which our handler does not need. It asks each binding, at each request, for a property with
 * a random name (otel-cf-workers 1.0.0-rc.52), and V8 keeps the names: half a kilobyte of heap for each request.
 */
const NO_BINDINGS = {} as Env;

type Handle = (request: Request, env: Env, ctx: ExecutionContext) => Promise<Response>;

const app = createApp();
const requestContexts = new WeakMap<Request, RequestContext>();
const handles = new WeakMap<Env, Handle>();

export default {
  async fetch(request, env, ctx): Promise<Response> {
    return await drainingResponse(request, await answer(request, env, ctx), ctx);
  },
} satisfies ExportedHandler<Env>;

/** The bridge's class, instrumented where tracing is on: only `env` tells, so the choice is made when one is made. */
export const Bridge = new Proxy(BridgeObject, {
  construct(target, [state, env]: [DurableObjectState, Env]) {
    const tracing = telemetryOf(env);
    return tracing.on
      ? Reflect.construct(instrumentDO(target, tracing.trace), [state, env])
      : new target(state, env);
  },
});

/** The index's class. What it does is in no trace but that of its caller: each of its alarms would be one of its own. */
export const JobIndex = new Proxy(JobIndexObject, {
  construct(target, [state, env]: [DurableObjectState, Env]) {
    const tracing = telemetryOf(env);
    if (!tracing.on) return new target(state, env);
    const trace = { ...tracing.trace, sampling: { headSampler: createSampler('always_off', 1) } };
    return Reflect.construct(instrumentDO(target, trace), [state, env]);
  },
});

async function answer(request: Request, env: Env, ctx: ExecutionContext): Promise<Response> {
  try {
    const config = edgeConfig(env);
    requestContexts.set(request, await readRequestContext(request, config));
    return await handleOf(env, config)(request, env, ctx);
  } catch (thrown) {
    const error = ThroughlineError.from(thrown);
    createLogger('info').error(error.message, { code: error.code });
    return problemResponse(error);
  }
}

function telemetryOf(env: Env): Telemetry {
  const config = edgeConfig(env);
  return telemetry(config, createLogger(config.LOG_LEVEL), isTrusted);
}

function handleOf(env: Env, config: EdgeConfig): Handle {
  const known = handles.get(env);
  if (known !== undefined) return known;
  const handle = createHandle(env, config, createLogger(config.LOG_LEVEL));
  handles.set(env, handle);
  return handle;
}

function createHandle(env: Env, config: EdgeConfig, log: Logger): Handle {
  const index = new JobIndexClient(env.JOB_INDEX, config.INDEX_SHARDS);
  const serve = async (request: Request, ctx: ExecutionContext): Promise<Response> => {
    const requestContext = requestContexts.get(request) ?? (await readRequestContext(request, config));
    const bridge = new BridgeClient(env.BRIDGE, {
      shards: config.BRIDGE_SHARDS,
      brokerTimeoutMs: config.BROKER_TIMEOUT_MS,
      region:
        config.BRIDGE_PLACEMENT === 'region' ? regionOf((request.cf ?? {}) as RequestLocation) : undefined,
      locationHint: config.BRIDGE_LOCATION_HINT,
    });
    return await app.fetch(
      request,
      { config, log, bridge, index, requestContext } satisfies EdgeBindings,
      ctx,
    );
  };
  const tracing = telemetry(config, log, isTrusted);
  if (!tracing.on) return (request, _env, ctx) => passThrough(request, () => serve(request, ctx));
  // Our own `env`, not the instrumented one: its proxies would make a second span of each call to a bridge.
  const instrumented = instrument<Env, unknown, unknown>(
    { fetch: (request, _env, ctx) => serve(request, ctx) },
    tracing.trace,
  );
  return async (request, _env, ctx) => {
    if (instrumented.fetch === undefined) throw new ThroughlineError('internal', 'the handler is missing');
    return await instrumented.fetch(request as Parameters<typeof instrumented.fetch>[0], NO_BINDINGS, ctx);
  };
}

function isTrusted(request: Request): boolean {
  return requestContexts.get(request)?.trusted ?? false;
}

/**
 * Without tracing, the caller's context goes on unchanged; where there is none, one that nobody records is made, so
 * that the log lines of a job still have an id in common.
 */
function passThrough<T>(request: Request, work: () => Promise<T>): Promise<T> {
  const requestContext = requestContexts.get(request);
  const continued = requestContext?.trusted === true && requestContext.extraction.spanContext !== undefined;
  return context.with(continued ? requestContext.extraction.context : startTrace(), work);
}
