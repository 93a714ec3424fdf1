import { expect, it } from 'vitest';
import { run } from '../../support/cli/process.ts';
import { withTestStack } from '../../support/stack.ts';

/** Each command is a process of its own. */
const TIMEOUT_MS = 90_000;

it('the command line makes, shows, pauses, triggers and deletes a schedule', {
  timeout: TIMEOUT_MS,
}, async () => {
  const stack = await withTestStack({ tracing: false });
  const schedules = async (...args: string[]): Promise<{ code: number | null; answer: unknown }> => {
    const { code, stdout, stderr } = await run(stack, ['schedules', ...args, '--json']);
    return { code, answer: JSON.parse(stdout || stderr) };
  };

  const times = ['--cron', '30 2 * * *', '--time-zone', 'Europe/Berlin', '--overlap', 'skip'];
  expect(await schedules('put', 'nightly', 'echo', '{"of":"night"}', ...times)).toMatchObject({
    code: 0,
    answer: { name: 'nightly', input: { of: 'night' }, cron: '30 2 * * *', overlap: 'skip', catchUp: 'last' },
  });
  expect(await schedules('list')).toMatchObject({
    code: 0,
    answer: { schedules: [{ name: 'nightly', nextRun: expect.stringMatching(/T0[01]:30:00\.000Z$/) }] },
  });
  expect(await schedules('pause', 'nightly')).toMatchObject({
    code: 0,
    answer: { paused: true, nextRuns: [] },
  });
  const triggered = await schedules('trigger', 'nightly');
  expect(triggered).toMatchObject({ code: 0, answer: { operation: 'echo' } });
  expect(await schedules('show', 'nightly')).toMatchObject({
    code: 0,
    answer: { lastRuns: [{ outcome: 'submitted', jobId: (triggered.answer as { id: string }).id }] },
  });
  expect(await schedules('resume', 'nightly')).toMatchObject({ code: 0, answer: { paused: false } });
  expect((await schedules('delete', 'nightly')).code).toBe(0);
  expect(await schedules('show', 'nightly')).toMatchObject({ code: 2, answer: { code: 'schedule-unknown' } });
  expect(await schedules('put', 'never', 'echo', 'null', '--cron', '0 0 31 2 *')).toMatchObject({
    code: 2,
    answer: { violations: [{ path: '/cron' }] },
  });
});
