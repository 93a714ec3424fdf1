import { JetStreamApiError } from '@nats-io/jetstream';
import { errors, type NatsConnection } from '@nats-io/transport-node';
import { expect, it } from 'vitest';
import { STORES_NOTHING } from '../../../../../shared/nats/disk-full.ts';
import { requestError } from '../../../../../worker-node/broker/checks/failure-reason.ts';

const brokerThat = (flush: () => Promise<void>) => ({ connection: { flush } as unknown as NatsConnection });
const answering = brokerThat(async () => undefined);
const silent = brokerThat(() => Promise.reject(new Error('closed')));
const refusal = new JetStreamApiError({
  code: 400,
  err_code: 10_002,
  description: 'resource limits exceeded',
});

it.each([
  ['a refusal', answering, refusal, 'resource limits exceeded'],
  ['silence of a server that answers a ping', answering, new errors.TimeoutError(), STORES_NOTHING],
  ['silence of a server that answers nothing', silent, new errors.TimeoutError(), 'timeout'],
])('%s is a fault of NATS, with its reason', async (_what, broker, cause, reason) => {
  expect(await requestError(broker, cause)).toMatchObject({
    code: 'broker-unavailable',
    message: `NATS does not do what it was asked for: ${reason}`,
    cause,
  });
});

it('a fault of the program stays as it is', async () => {
  const fault = new TypeError('x is not a function');
  expect(await requestError(answering, fault)).toBe(fault);
});
