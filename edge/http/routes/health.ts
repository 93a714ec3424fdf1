import type { Context, MiddlewareHandler } from 'hono';
import { hasScope } from '../../../shared/api/access.ts';
import type { BridgeStatus, Health, Readiness, Unreadiness } from '../../../shared/api/answers/health.ts';
import { PROBLEM_MEDIA_TYPE, problemOf } from '../../../shared/api/problem.ts';
import { ThroughlineError } from '../../../shared/errors.ts';
import { bridgeMetrics } from '../../telemetry/measure/bridge-metrics.ts';
import { EDGE_METRICS } from '../../telemetry/measure/definitions.ts';
import { metricText } from '../../telemetry/measure/exposition.ts';
import { requestMetrics } from '../../telemetry/measure/request-metrics.ts';
import { spanFigures } from '../../telemetry/runtime.ts';
import { EdgeApp, type EdgeHono } from '../edge-app.ts';
import { authenticate, requireScope, scopesOf } from '../middleware/access.ts';
import { noQuery } from '../requests/read-request.ts';

/** The scope of a caller who may see the state of the bridges. */
const SCOPE = 'status:read';
/** The URL of a probe. A pattern, because every request is tested, and parsing its URL would take longer. */
const PROBE = /^\w+:\/\/[^/]+\/(?:healthz|readyz|metrics)(?:[?#]|$)/;
const NOT_READY = { 'content-type': PROBLEM_MEDIA_TYPE, 'retry-after': '1' } as const;
const PROMETHEUS = { 'content-type': 'text/plain; version=0.0.4; charset=utf-8' } as const;

/**
 * `/healthz`: whether this Worker runs. `/readyz`: whether NATS answers each bridge and does what it needs; if not, 503 with
 * a problem document. Both its answers have the status of every bridge and its outbox. `/metrics`: the same for Prometheus,
 * and what this isolate has counted. The status is for callers with `status:read`, unless `STATUS_ACCESS` opens it to all.
 */
export function healthRoutes(): EdgeApp {
  const app = new EdgeApp();
  app.get('/healthz', (c) => c.json<Health>({ status: 'ok' }));
  app.get('/readyz', readiness);
  app.get('/metrics', unlessPublic(authenticate()), unlessPublic(requireScope(SCOPE)), noQuery(), async (c) =>
    c.body(bridgeMetrics(await c.env.bridge.status()) + requestMetrics() + spanMetrics(), 200, PROMETHEUS),
  );
  return app;
}

/** Whether a request is a probe: it asks for the state of the edge. Machines send such requests every few seconds. */
export function isProbe({ url }: Pick<Request, 'url'>): boolean {
  return PROBE.test(url);
}

/** Skips a check if the status is open to all (`STATUS_ACCESS`). */
function unlessPublic(check: MiddlewareHandler<EdgeHono>): MiddlewareHandler<EdgeHono> {
  return async (c, next) => (c.env.config.STATUS_ACCESS === 'public' ? await next() : await check(c, next));
}

async function readiness(c: Context<EdgeHono>): Promise<Response> {
  const bridges = await c.env.bridge.status();
  const fault = faultOf(bridges);
  const isShown = c.env.config.STATUS_ACCESS === 'public' || hasScope(scopesOf(c), SCOPE);
  const details = isShown ? { bridges } : {};
  if (fault === undefined) return c.json<Readiness>({ status: 'ready', ...details });
  const shown = isShown ? fault : new ThroughlineError(fault.code, 'the edge is not ready');
  return c.json<Unreadiness>({ ...problemOf(shown, undefined), ...details }, 503, NOT_READY);
}

function faultOf(bridges: readonly BridgeStatus[]): ThroughlineError | undefined {
  if (bridges.some(({ roundTripMs }) => roundTripMs === undefined))
    return new ThroughlineError('broker-unavailable', 'NATS does not answer; jobs go to the outbox');
  const [problem] = bridges.flatMap(({ problems }) => problems);
  return problem === undefined ? undefined : new ThroughlineError('broker-refused', problem);
}

/** What became of the spans of this isolate. Empty if tracing is off. */
function spanMetrics(): string {
  const figures = spanFigures();
  if (figures === undefined) return '';
  const { lostSpans, exportedSpans, queuedSpans } = EDGE_METRICS;
  const lost = Object.entries(figures.lost).map(([reason, value]) => ({ labels: { reason }, value }));
  return (
    metricText(lostSpans, lost) +
    metricText(exportedSpans, [{ labels: {}, value: figures.exported }]) +
    metricText(queuedSpans, [{ labels: {}, value: figures.waiting }])
  );
}
