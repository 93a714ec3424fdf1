import { expect, it } from 'vitest';
import { callHere } from '../../../support/cli/in-process.ts';
import { answer, serve } from '../../../support/cli/servers.ts';

const REPORT = {
  used: { jobs: 12, bytes: 20_056, delayedJobs: 3, delayedBytes: 1_024 },
  quotas: { jobs: 100_000, bytes: 1_073_741_824, delayedJobs: 10_000, delayedBytes: 104_857_600 },
};

it('shows what the unfinished jobs take, beside each quota', async () => {
  const api = await serve(() => answer(200, REPORT));
  const { code, stdout, stderr } = await callHere(api, ['usage']);
  expect({ code, stderr, path: api.seen[0]?.path }).toEqual({ code: 0, stderr: '', path: '/v1/usage' });
  expect(stdout.split('\n')).toEqual([
    'jobs           12     of 100000',
    'bytes          20056  of 1073741824',
    'delayed jobs   3      of 10000',
    'delayed bytes  1024   of 104857600',
    '',
  ]);
});

it('prints the report of the API with --json', async () => {
  const api = await serve(() => answer(200, REPORT));
  expect(JSON.parse((await callHere(api, ['usage', '--json'])).stdout)).toEqual(REPORT);
});
