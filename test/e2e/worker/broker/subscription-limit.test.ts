import { expect, it, onTestFinished } from 'vitest';
import { startWorkerProcess } from '../../../../dev/worker/start.ts';
import { startTestNats } from '../../../support/nats/nats.ts';
import { until } from '../../../support/poll.ts';

const REASON = 'NATS takes no more subscriptions of this user, so jobs or cancels do not arrive';

it('a worker that NATS allows too few subscriptions says so, and is not ready', async () => {
  const nats = await startTestNats({ extraConfig: 'max_subscriptions: 3' });
  onTestFinished(() => nats.stop());
  const lines: string[] = [];
  const worker = await startWorkerProcess({
    environment: { NATS_URL: nats.url, HEALTH_PORT: '0' },
    onLog: (line) => lines.push(line),
  });
  onTestFinished(worker.stop);
  const reason = await until('the worker not to be ready', async () => {
    const response = await fetch(`${worker.healthUrl}/readyz`);
    return response.status === 503 && response.text();
  });
  expect(reason).toContain(REASON);
  expect(lines.filter((line) => line.includes(REASON))).toHaveLength(1);
});
