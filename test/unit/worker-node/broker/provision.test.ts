import { JetStreamApiError, type JetStreamManager } from '@nats-io/jetstream';
import { expect, it } from 'vitest';
import { streamDefinitions } from '../../../../shared/nats/streams.ts';
import { setUpStream } from '../../../../worker-node/broker/provision.ts';

const NOT_FOUND = { code: 404, err_code: 10059, description: 'stream not found' };

/** A broker without streams, which refuses to create one. */
const refusing = (err_code: number, description: string): JetStreamManager =>
  ({
    streams: {
      info: async () => Promise.reject(new JetStreamApiError(NOT_FOUND)),
      add: async () => Promise.reject(new JetStreamApiError({ code: 400, err_code, description })),
    },
  }) as unknown as JetStreamManager;

it.each([
  [10005, 'no suitable peers for placement, peer offline', 'broker-unavailable', /are all of them up\?/],
  [
    10074,
    'replicas > 1 not supported in non-clustered mode',
    'config-invalid',
    /does not create it: replicas > 1/,
  ],
])('a stream that the server refuses with %i (%s) is %s', async (code, description, wanted, sentence) => {
  for (const definition of streamDefinitions(3, true)) {
    await expect(setUpStream(refusing(code, description), definition)).rejects.toMatchObject({
      code: wanted,
      message: expect.stringMatching(sentence),
    });
  }
});
