import { expect, it } from 'vitest';
import { callHere } from '../../../support/cli/in-process.ts';
import { answer, serve } from '../../../support/cli/servers.ts';

const REPORT = {
  used: {
    jobs: 12,
    bytes: 20_056,
    delayedJobs: 3,
    delayedBytes: 1_024,
    storedBytes: 2_048,
    outboxJobs: 0,
    outboxBytes: 0,
    waits: 1,
    streams: 2,
    schedules: 4,
  },
  quotas: {
    jobs: 100_000,
    bytes: 1_073_741_824,
    delayedJobs: 10_000,
    delayedBytes: 104_857_600,
    storedBytes: 1_099_511_627_776,
    outboxJobs: 50,
    outboxBytes: 1_000,
    waits: 200,
    streams: 200,
    schedules: 100,
    requests: 2_000,
  },
};

it('shows what the tenant uses, beside each quota', async () => {
  const api = await serve(() => answer(200, REPORT));
  const { code, stdout, stderr } = await callHere(api, ['usage']);
  expect({ code, stderr, path: api.seen[0]?.path }).toEqual({ code: 0, stderr: '', path: '/v1/usage' });
  const rows = stdout.trimEnd().split('\n');
  expect(rows.map((row) => row.split(/ {2,}/))).toEqual([
    ['jobs', '12', 'of 100000'],
    ['bytes', '20056', 'of 1073741824'],
    ['delayed jobs', '3', 'of 10000'],
    ['delayed bytes', '1024', 'of 104857600'],
    ['stored bytes', '2048', 'of 1099511627776'],
    ['jobs in the outbox', '0', 'of 50'],
    ['bytes in the outbox', '0', 'of 1000'],
    ['waits', '1', 'of 200'],
    ['event streams', '2', 'of 200'],
    ['schedules', '4', 'of 100'],
    ['requests per second', 'of 2000'],
  ]);
});

it('prints the report of the API with --json', async () => {
  const api = await serve(() => answer(200, REPORT));
  expect(JSON.parse((await callHere(api, ['usage', '--json'])).stdout)).toEqual(REPORT);
});
