import { headers } from '@nats-io/transport-node';
import { describe, expect, it } from 'vitest';
import { checkMaxPayload, maxPayloadOf } from '../../../../../worker-node/broker/connection/max-payload.ts';
import { messageSize } from '../../../../../worker-node/broker/stored-publisher.ts';
import { refusalOf } from '../../../support.ts';

describe('the largest message that NATS takes', () => {
  it.each([
    [1_048_576, undefined],
    [8_388_608, undefined],
    [65_536, 'max_payload of nats-server is 65536, so a job may fail with result-too-large'],
    [32_768, 'max_payload of nats-server is 32768, so'],
  ])('of %i bytes lets a worker start, with a warning if a result may not fit', (maxPayload, warning) => {
    expect(checkMaxPayload(maxPayload)).toEqual(
      warning === undefined ? undefined : expect.stringContaining(warning),
    );
  });

  it.each([0, 1_024, 32_767])(
    'of %i bytes lets no worker start: the end of a job may not fit',
    async (maxPayload) => {
      const error = await refusalOf(() => checkMaxPayload(maxPayload));
      expect(error).toMatchObject({ code: 'config-invalid' });
      expect(error.message).toBe(
        `max_payload of nats-server is ${maxPayload}; Throughline needs at least 32768`,
      );
    },
  );

  it('is that of the server to which the worker is connected now', () => {
    const connection = { info: { max_payload: 65_536 } } as never;
    expect(maxPayloadOf({ connection })).toBe(65_536);
    expect(maxPayloadOf({ connection: {} as never })).toBe(1_048_576);
  });
});

it('the size of a message is what the NATS client writes for it', () => {
  const written = headers() as ReturnType<typeof headers> & { readonly encode: () => Uint8Array };
  written.append('ce-id', 'job-1');
  written.append('baggage', 'user=zürich');
  written.append('baggage', 'b=2');
  expect(messageSize(new Uint8Array(7), written)).toBe(written.encode().length + 7);
});
