import { expect, it, onTestFinished } from 'vitest';
import { startWorkerProcess } from '../../../../dev/worker/start.ts';
import { startTestNats } from '../../../support/nats/nats.ts';
import { until } from '../../../support/poll.ts';
import { withTestStack } from '../../../support/stack.ts';

const REASON = 'NATS takes no more subscriptions of this user, so jobs, cancels or events do not arrive';

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

it('an edge that NATS allows too few subscriptions warns, since callers that wait learn of the end too late', async () => {
  const nats = await startTestNats({ extraConfig: 'max_subscriptions: 3' });
  onTestFinished(() => nats.stop());
  const stack = await withTestStack({ nats, tracing: false });
  const status = await until('a warning', async () => {
    await stack.submit({ operation: 'echo', input: 1 }, { prefer: 'wait=1' });
    const response = await stack.call('/readyz');
    const text = await response.text();
    return text.includes(REASON) && response.status;
  });
  expect(status).toBe(200);
});
