import { describe, expect, it } from 'vitest';
import { SchedulesClient } from '../../../edge/calls/schedules-client.ts';
import { refusalOf } from '../../unit/support.ts';

describe('an object that fails', () => {
  it('is named in the error, and what the platform says of it is its cause, for the log', async () => {
    const cause = new Error('SQL is not enabled for this Durable Object class');
    const namespace = { getByName: () => ({ list: () => Promise.reject(cause) }) };
    const schedules = new SchedulesClient(namespace as never, 1_000);
    const error = await refusalOf(() => schedules.list({ tenant: 'acme' } as never));
    expect(error).toMatchObject({
      code: 'schedules-unavailable',
      message: 'the schedules cannot be reached: the call to the schedules failed',
      retryAfterSeconds: 1,
      cause,
    });
  });
});
