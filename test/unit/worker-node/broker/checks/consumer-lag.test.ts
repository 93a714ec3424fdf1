import { expect, it, vi } from 'vitest';
import { ConsumerLags } from '../../../../../worker-node/broker/checks/consumer-lag.ts';

type LagBroker = ConstructorParameters<typeof ConsumerLags>[0];

const LOG = { debug: vi.fn() } as unknown as ConstructorParameters<typeof ConsumerLags>[3];

function brokerOf(list: () => AsyncGenerator<unknown>): { readonly broker: LagBroker; asked: number } {
  const counted = { asked: 0 };
  const asked = () => {
    counted.asked++;
    return list();
  };
  return Object.assign(counted, {
    broker: { manager: { consumers: { list: asked } } } as unknown as LagBroker,
  });
}

async function* infos() {
  yield { name: 'workers-0', num_pending: 7, num_ack_pending: 2, num_redelivered: 1 };
  yield { name: 'others-0', num_pending: 9, num_ack_pending: 0, num_redelivered: 0 };
}

it('says how far the consumers of the worker group lag, and asks once for many readers', async () => {
  const counted = brokerOf(infos);
  const lags = new ConsumerLags(counted.broker, 'JOBS', ['workers-0'], LOG);
  const [first, second] = await Promise.all([lags.read(), lags.read()]);
  expect(first).toEqual([{ consumer: 'workers-0', waiting: 7, unacked: 2, redelivered: 1 }]);
  expect(second).toBe(first);
  expect(counted.asked).toBe(1);
});

it('knows nothing, and fails nothing, where the broker does not say it', async () => {
  const counted = brokerOf(async function* () {
    yield* [];
    throw new Error('no permission');
  });
  expect(await new ConsumerLags(counted.broker, 'JOBS', ['workers-0'], LOG).read()).toEqual([]);
});
