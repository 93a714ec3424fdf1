import type { BridgeStatus, UncheckedInputs } from '../../../shared/api/answers/health.ts';
import { BRIDGE_QUOTAS } from '../../../shared/api/usage.ts';
import type { MetricDefinition } from '../../../shared/trace/metric.ts';
import { metricText } from './exposition.ts';

/** A figure of a bridge, or one for each value of the metric's label; undefined while it is not known. */
type Figure = number | undefined | Readonly<Partial<Record<string, number>>>;

interface BridgeMetric extends MetricDefinition {
  readonly figure: (status: BridgeStatus) => Figure;
}

const QUOTA = { quota: BRIDGE_QUOTAS satisfies (keyof BridgeStatus['quotaUse'])[] };

function metric(
  instrument: 'counter' | 'gauge',
  [name, unit]: readonly [name: string, unit: string],
  description: string,
  figure: BridgeMetric['figure'],
  attributes: MetricDefinition['attributes'] = {},
): BridgeMetric {
  const where = 'edge/bridge/bridge.ts';
  return { name: `throughline.bridge.${name}`, instrument, unit, description, attributes, where, figure };
}

/** The metrics of the bridges. Each has the label `bridge` too. */
export const BRIDGE_METRICS: readonly BridgeMetric[] = [
  metric(
    'gauge',
    ['broker_up', '{bridge}'],
    '1: NATS answers the bridge. 0: it does not.',
    ({ roundTripMs }) => Number(roundTripMs !== undefined),
  ),
  metric(
    'gauge',
    ['broker_round_trip', 's'],
    'To NATS and back. Absent while NATS does not answer.',
    ({ roundTripMs }) => (roundTripMs === undefined ? undefined : roundTripMs / 1_000),
  ),
  metric(
    'counter',
    ['broker_connections', '{connection}'],
    'Connections to NATS that the bridge has opened.',
    ({ connections }) => connections,
  ),
  metric(
    'gauge',
    ['broker_problems', '{problem}'],
    'What the bridge does not get from NATS although NATS answers: permissions, or that messages are stored.',
    ({ problems }) => problems.length,
  ),
  metric(
    'gauge',
    ['worker_hosts', '{host}'],
    'Worker hosts that are alive.',
    ({ workerHosts }) => workerHosts,
  ),
  metric(
    'counter',
    ['unserved_jobs', '{job}'],
    'Jobs that the bridge accepted while no worker host served their operation.',
    ({ unservedJobs }) => unservedJobs,
  ),
  metric(
    'gauge',
    ['watched_jobs', '{job}'],
    'Jobs whose events the bridge follows now.',
    ({ watchedJobs }) => watchedJobs,
  ),
  metric('gauge', ['queue_bytes', 'By'], 'Bytes of the jobs in the queue.', ({ queue }) => queue?.bytes),
  metric(
    'gauge',
    ['queue_max_bytes', 'By'],
    'Bytes that jobs in the queue may take.',
    ({ queue }) => queue?.maxBytes,
  ),
  metric(
    'gauge',
    ['delayed_bytes', 'By'],
    'Bytes of delayed jobs, until 7 days after their time.',
    ({ delayed }) => delayed?.bytes,
  ),
  metric(
    'gauge',
    ['delayed_max_bytes', 'By'],
    'Bytes that delayed jobs may take.',
    ({ delayed }) => delayed?.maxBytes,
  ),
  metric(
    'gauge',
    ['quota_use', '1'],
    'How much of a quota the tenant with the most of it uses. 1: it is used up.',
    ({ quotaUse }) => quotaUse,
    QUOTA,
  ),
  metric(
    'counter',
    ['quota_refusals', '{request}'],
    'Requests that the bridge refused, by the quota that was used up.',
    ({ quotaRefusals }) => quotaRefusals,
    QUOTA,
  ),
  metric(
    'gauge',
    ['outbox_pending_jobs', '{job}'],
    'Pending jobs: they wait for NATS.',
    ({ outbox }) => outbox.pending,
  ),
  metric(
    'gauge',
    ['outbox_oldest_age', 's'],
    'How long the oldest pending job has waited, in seconds.',
    ({ outbox }) => outbox.oldestAgeSeconds,
  ),
  metric(
    'gauge',
    ['outbox_rejected_jobs', '{job}'],
    'Rejected jobs: NATS will not take them.',
    ({ outbox }) => outbox.rejected,
  ),
  metric(
    'gauge',
    ['outbox_published_jobs', '{job}'],
    'Jobs that NATS has, and whose end the bridge has not seen.',
    ({ outbox }) => outbox.published,
  ),
  metric('gauge', ['outbox_bytes', 'By'], 'Bytes in the outbox.', ({ outbox }) => outbox.bytes),
  metric(
    'counter',
    ['unchecked_inputs', '{input}'],
    'Inputs that the edge took without checking them to the end, by reason.',
    ({ uncheckedInputs }) => uncheckedInputs,
    { reason: ['overBudget', 'failed', 'rulesChanged'] satisfies (keyof UncheckedInputs)[] },
  ),
];

/** The metrics of all bridges, as Prometheus text. */
export function bridgeMetrics(bridges: readonly BridgeStatus[]): string {
  return BRIDGE_METRICS.map((one) =>
    metricText(
      one,
      bridges.flatMap((status) => samplesOf(one, status)),
    ),
  ).join('');
}

/** Counters start at 0. */
function samplesOf({ figure, attributes, instrument }: BridgeMetric, status: BridgeStatus) {
  const { bridge } = status;
  const found = figure(status);
  if (found === undefined) return [];
  if (typeof found === 'number') return [{ labels: { bridge }, value: found }];
  const [[label, values] = ['', []]] = Object.entries(attributes);
  const known = instrument === 'counter' && !('bounded' in values) ? values : [];
  const zeros = known.map((one) => [one, 0] as const);
  return Object.entries({ ...Object.fromEntries(zeros), ...found }).map(([part, value = 0]) => ({
    labels: { bridge, [label]: part },
    value,
  }));
}
