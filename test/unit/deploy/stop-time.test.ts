import { readFileSync } from 'node:fs';
import { expect, it } from 'vitest';

const ROOT = new URL('../../../', import.meta.url);

/** The shipped ways to run a worker, and how each says in how many seconds after SIGTERM a worker is killed. */
const WAYS = [
  ['deploy/worker/throughline-worker.service', /^TimeoutStopSec=(\d+)$/m],
  ['deploy/worker/throughline-worker@.service', /^TimeoutStopSec=(\d+)$/m],
  ['deploy/worker/Dockerfile', / --stop-timeout (\d+) /],
  ['deploy/compose/compose.yaml', / {2}worker:[\s\S]*?stop_grace_period: (\d+)s/],
  ['deploy/kubernetes/worker.yaml', /terminationGracePeriodSeconds: (\d+)/],
  ['create/template/deploy/worker.service', /^TimeoutStopSec=(\d+)$/m],
  ['create/template/Dockerfile', / --stop-timeout (\d+) /],
  ['create/template/compose.yaml', / {2}worker:[\s\S]*?stop_grace_period: (\d+)s/],
] as const;

it.each(WAYS)('%s gives a worker as long to stop as all others', (file, pattern) => {
  const [, seconds] = pattern.exec(readFileSync(new URL(file, ROOT), 'utf8')) ?? [];
  // Its jobs, NATS, a collector and a reader of its log together: see the unit.
  expect(seconds).toBe('60');
});
