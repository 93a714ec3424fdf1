import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { beforeAll, describe, expect, it } from 'vitest';
import { atEndOfFile, scratchFolder } from '../support/cleanup.ts';
import { type CallbackReceiver, startCallbackReceiver } from '../support/http/callback-receiver.ts';
import { until } from '../support/poll.ts';
import { startTestStack, type TestStack } from '../support/stack.ts';
import { SUITE } from '../support/suite-settings.ts';
import { locatePrometheus } from './support/prometheus.ts';
import { type PrometheusServer, startPrometheus } from './support/prometheus-server.ts';

const RULES = join(import.meta.dirname, '../../deploy/observability/alerts.yaml');
const OPERATIONS = 'test/fixtures/operations';
/** A rule that fires in a healthy system: the test would see another one that does. */
const CONTROL = {
  groups: [{ name: 'control', rules: [{ alert: 'JobsEnd', expr: 'sum(throughline_jobs_ended_total) > 0' }] }],
};
/** How often Prometheus asks, and a job comes. */
const SCRAPE_MS = 5_000;
const JOB_EVERY_MS = 1_000;

const programs = await locatePrometheus();
const note = typeof programs === 'string' ? ` (${programs})` : '';

describe.skipIf(typeof programs === 'string')(`a healthy system under light load${note}`, () => {
  let prometheus: PrometheusServer;
  let receiver: CallbackReceiver;
  let stack: TestStack;

  beforeAll(async () => {
    receiver = await startCallbackReceiver();
    atEndOfFile(() => receiver.stop());
    stack = await startTestStack({
      operationsFolder: OPERATIONS,
      worker: { CALLBACK_ALLOW: receiver.origin },
    });
    const control = join(await scratchFolder(), 'control.yaml');
    await writeFile(control, JSON.stringify(CONTROL));
    prometheus = await startPrometheus(typeof programs === 'string' ? '' : programs.server, {
      interval: `${SCRAPE_MS / 1_000}s`,
      rules: [RULES, control],
      targets: { 'throughline-edge': stack.url, 'throughline-worker': stack.worker.healthUrl },
    });
  }, 180_000);

  it('raises none of the alerts, however long it goes on', {
    timeout: SUITE.HEALTHY_MS + 120_000,
  }, async () => {
    const jobs = await runJobs(stack, receiver, Date.now() + SUITE.HEALTHY_MS);
    const range = `${Math.ceil(SUITE.HEALTHY_MS / 1_000) + 60}s`;
    await until('the last jobs are counted', async () => {
      const ended = await prometheus.query('sum(throughline_jobs_ended_total{outcome="succeeded"})');
      return (ended ?? 0) >= jobs;
    });
    const alerts = await prometheus.series(
      `sum by (alertname) (count_over_time(ALERTS{alertstate="firing"}[${range}]))`,
    );
    expect(alerts.map(({ labels }) => labels.alertname)).toEqual(['JobsEnd']);
    expect(await prometheus.series(`min_over_time(up[${range}]) < 1`)).toEqual([]);
    const rules = await prometheus.rules();
    const names = [...(await readFile(RULES, 'utf8')).matchAll(/- alert: (\w+)/g)].map(([, name]) => name);
    expect([...rules.keys()].toSorted()).toEqual([...names, 'JobsEnd'].toSorted());
    expect(new Set(rules.values())).toEqual(new Set(['ok']));
    const scrapes = await prometheus.query(`min(count_over_time(up[${range}]))`);
    expect(scrapes).toBeGreaterThan((0.9 * SUITE.HEALTHY_MS) / SCRAPE_MS - 2);
  });
});

/**
 * Sends a job a second, of each kind in turn.
 * @returns how many were sent
 */
async function runJobs(stack: TestStack, receiver: CallbackReceiver, end: number): Promise<number> {
  let sent = 0;
  for (; Date.now() < end; sent++) {
    const kinds = [
      { operation: 'echo' },
      { operation: 'echo', callback: { url: `${receiver.origin}/done` } },
      { operation: 'echo', delay: '2s' },
      { operation: 'echo', orderingKey: `key-${sent % 3}` },
      { operation: 'test.limited' },
      { operation: 'echo', priority: 'low', tags: ['healthy'] },
    ];
    const answer = await stack.submit({ ...kinds[sent % kinds.length], input: { sent } });
    const { id } = (await answer.json()) as { id?: string };
    expect(answer.status, `job ${sent}`).toBe(202);
    await delay(JOB_EVERY_MS);
    expect((await stack.call(`/v1/jobs/${id}`)).status).toBe(200);
  }
  return sent;
}
