import type { Context, MiddlewareHandler } from 'hono';
import { hasScope } from '../../../shared/api/access.ts';
import type { BridgeStatus, Health, Readiness, Unreadiness } from '../../../shared/api/health.ts';
import { problemOf } from '../../../shared/api/problem.ts';
import { ThroughlineError } from '../../../shared/errors.ts';
import { lostSpans } from '../../telemetry/runtime.ts';
import { EdgeApp, type EdgeHono } from '../edge-app.ts';
import { authenticate, requireScope, scopesOf } from '../middleware/access.ts';
import { noQuery } from '../requests/read-request.ts';

/** The scope of a caller who may see how the bridges are. */
const SCOPE = 'status:read';
const PROBES = ['/healthz', '/readyz', '/metrics'];
const PROBLEM = { 'content-type': 'application/problem+json', 'cache-control': 'no-store' } as const;
const PROMETHEUS = { 'content-type': 'text/plain; version=0.0.4; charset=utf-8' } as const;

/**
 * `/healthz`: whether this Worker runs. `/readyz`: whether NATS answers each bridge and does what it needs; if not, 503 with a problem
 * document. Both its answers have the status of every bridge and its outbox. `/metrics`: the same for Prometheus. The status
 * is for callers with `status:read`, unless `STATUS_ACCESS` opens it to all.
 */
export function healthRoutes(): EdgeApp {
  const app = new EdgeApp();
  app.get('/healthz', (c) => c.json<Health>({ status: 'ok' }));
  app.get('/readyz', readiness);
  app.get('/metrics', unlessPublic(authenticate()), unlessPublic(requireScope(SCOPE)), noQuery(), async (c) =>
    c.body(metricsOf(await c.env.bridge.status()) + lostSpansMetric(), 200, PROMETHEUS),
  );
  return app;
}

/** Whether a request only asks how the edge is. Such requests come every few seconds, from machines. */
export function isProbe({ url }: Pick<Request, 'url'>): boolean {
  return PROBES.includes(new URL(url).pathname);
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
  return c.json<Unreadiness>({ ...problemOf(shown, undefined), ...details }, 503, {
    ...PROBLEM,
    'retry-after': '1',
  });
}

function faultOf(bridges: readonly BridgeStatus[]): ThroughlineError | undefined {
  if (bridges.some(({ roundTripMs }) => roundTripMs === undefined))
    return new ThroughlineError('broker-unavailable', 'NATS does not answer; jobs go to the outbox');
  const [problem] = bridges.flatMap(({ problems }) => problems);
  return problem === undefined ? undefined : new ThroughlineError('broker-refused', problem);
}

/** A figure of a bridge, or one for each reason or quota; undefined while it is not known. */
type Figure = number | undefined | Readonly<Partial<Record<string, number>>>;

const GAUGES: readonly [
  name: string,
  help: string,
  figure: (status: BridgeStatus) => Figure,
  label?: 'quota',
][] = [
  [
    'broker_up',
    '1: NATS answers the bridge. 0: it does not.',
    ({ roundTripMs }) => Number(roundTripMs !== undefined),
  ],
  [
    'broker_connections_total',
    'Connections to NATS that the bridge has opened.',
    ({ connections }) => connections,
  ],
  [
    'broker_problems',
    'What NATS, which answers, does not do for the bridge: missing permissions, messages that are not stored.',
    ({ problems }) => problems.length,
  ],
  ['worker_hosts', 'Worker hosts that are alive.', ({ workerHosts }) => workerHosts],
  [
    'unserved_jobs_total',
    'Jobs that the bridge accepted while no worker host served their operation.',
    ({ unservedJobs }) => unservedJobs,
  ],
  ['queue_bytes', 'Bytes of the jobs in the queue.', ({ queue }) => queue?.bytes],
  ['queue_max_bytes', 'Bytes that jobs in the queue may take.', ({ queue }) => queue?.maxBytes],
  ['delayed_bytes', 'Bytes of the delayed jobs.', ({ delayed }) => delayed?.bytes],
  ['delayed_max_bytes', 'Bytes that delayed jobs may take.', ({ delayed }) => delayed?.maxBytes],
  [
    'quota_use_ratio',
    'How much of a quota the tenant with the most of it uses. 1: it is used up.',
    ({ quotaUse }) => quotaUse,
    'quota',
  ],
  [
    'quota_refusals_total',
    'Requests that the bridge refused, by the quota that was used up.',
    ({ quotaRefusals }) => quotaRefusals,
    'quota',
  ],
  ['outbox_pending_jobs', 'Pending jobs: they wait for NATS.', ({ outbox }) => outbox.pending],
  [
    'outbox_oldest_age_seconds',
    'How long the oldest pending job has waited, in seconds.',
    ({ outbox }) => outbox.oldestAgeSeconds,
  ],
  ['outbox_rejected_jobs', 'Rejected jobs: NATS will not take them.', ({ outbox }) => outbox.rejected],
  [
    'outbox_published_jobs',
    'Jobs that NATS has, and whose end the bridge has not seen.',
    ({ outbox }) => outbox.published,
  ],
  ['outbox_bytes', 'Bytes in the outbox.', ({ outbox }) => outbox.bytes],
  [
    'unchecked_inputs_total',
    'Inputs that the edge took without checking them to the end, by reason.',
    ({ uncheckedInputs }) => uncheckedInputs,
  ],
];

/** Prometheus' text format 0.0.4. */
function metricsOf(bridges: readonly BridgeStatus[]): string {
  const lines = GAUGES.flatMap(([name, help, figure, label = 'reason']) => [
    `# HELP throughline_bridge_${name} ${help}`,
    `# TYPE throughline_bridge_${name} ${name.endsWith('_total') ? 'counter' : 'gauge'}`,
    ...bridges.flatMap((status) =>
      samplesOf(`bridge="${status.bridge}"`, figure(status), label).map(
        ([labels, value]) => `throughline_bridge_${name}{${labels}} ${value}`,
      ),
    ),
  ]);
  return `${lines.join('\n')}\n`;
}

/** The spans that this isolate did not export. Empty if tracing is off. */
function lostSpansMetric(): string {
  const lost = lostSpans();
  if (lost === undefined) return '';
  const name = 'throughline_edge_lost_spans_total';
  const lines = [
    `# HELP ${name} Spans that the isolate which answers did not export, by reason.`,
    `# TYPE ${name} counter`,
    ...Object.entries(lost).map(([reason, spans]) => `${name}{reason="${reason}"} ${spans}`),
  ];
  return `${lines.join('\n')}\n`;
}

function samplesOf(
  labels: string,
  figure: Figure,
  label: string,
): readonly (readonly [labels: string, value: number])[] {
  if (figure === undefined) return [];
  if (typeof figure === 'number') return [[labels, figure]];
  return Object.entries(figure).map(([part, value = 0]) => [`${labels},${label}="${part}"`, value]);
}
