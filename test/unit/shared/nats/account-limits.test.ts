import { expect, it } from 'vitest';
import { limitFindings } from '../../../../shared/nats/account-limits.ts';

const NEEDS = { streams: 8, copies: 3, consumers: 32, ackPending: 1_000 };
const limits = {
  max_memory: -1,
  max_storage: -1,
  max_streams: -1,
  max_consumers: -1,
  max_ack_pending: -1,
  memory_max_stream_bytes: -1,
  storage_max_stream_bytes: -1,
  max_bytes_required: false,
};
const usage = { memory: 0, reserved_memory: 0, storage: 0, reserved_storage: 0, streams: 0, consumers: 0 };
const account = { ...usage, limits };

it('an account without limits is right', () => {
  expect(limitFindings(account, NEEDS)).toEqual([]);
  expect(limitFindings({ ...account, tiers: {} }, NEEDS)).toEqual([]);
});

it('the tier of the wanted copies counts', () => {
  const low = { ...usage, limits: { ...limits, max_streams: 2 } };
  expect(limitFindings({ ...account, tiers: { R1: account, R3: low } }, NEEDS)).toMatchObject([
    { of: 'account', setting: 'max_streams', actual: 2, level: 'breaks' },
  ]);
  expect(limitFindings({ ...account, tiers: { R1: low, R3: account } }, NEEDS)).toEqual([]);
  expect(limitFindings({ ...account, tiers: { R1: account } }, NEEDS)).toMatchObject([
    { of: 'account', setting: 'tiers', actual: 'R1', wanted: 'R3 too' },
  ]);
});

it.each([
  ['max_streams', 7, 8],
  ['max_consumers', 31, 32],
  ['max_ack_pending', 999, 1_000],
])('%s of %i is too low, %i is enough, and 0 is no limit', (setting, low, enough) => {
  const withLimit = (value: number) => ({ ...account, limits: { ...limits, [setting]: value } });
  expect(limitFindings(withLimit(low), NEEDS)).toMatchObject([{ of: 'account', setting, actual: low }]);
  for (const value of [enough, 0, -1]) expect(limitFindings(withLimit(value), NEEDS)).toEqual([]);
});

it('storage that is nearly used up weakens a promise', () => {
  const full = { ...account, storage: 75, limits: { ...limits, max_storage: 100 } };
  expect(limitFindings(full, NEEDS)).toMatchObject([{ setting: 'storage used', level: 'weakens' }]);
});

it('an account that may store nothing on disk breaks a promise', () => {
  const none = { ...account, limits: { ...limits, max_storage: 0 } };
  expect(limitFindings(none, NEEDS)).toMatchObject([{ setting: 'max_storage', actual: 0, level: 'breaks' }]);
});
