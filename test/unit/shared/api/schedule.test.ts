import { describe, expect, it } from 'vitest';
import { ScheduleBody } from '../../../../shared/api/schedule.ts';
import { SCHEDULE_NAME } from '../../../../shared/api/schedule-words.ts';
import { SubmitJob } from '../../../../shared/api/submit-job.ts';

const least = { operation: 'echo', input: null, cron: '0 6 * * *' };
const OWN_FIELDS = ['cron', 'every', 'timeZone', 'catchUp', 'overlap', 'paused'];
/** What makes sense for one request only. */
const NOT_OF_SCHEDULES = ['delay', 'unique'];

describe('the body of a schedule', () => {
  it('takes every field of a submission but those that make sense for one request only', () => {
    const submission = Object.keys(SubmitJob.shape).filter((field) => !NOT_OF_SCHEDULES.includes(field));
    expect(Object.keys(ScheduleBody.shape).sort()).toEqual([...submission, ...OWN_FIELDS].sort());
  });

  it.each([
    { cron: '*/5 * * * *', timeZone: 'Europe/Berlin', catchUp: 'all', overlap: 'skip', paused: true },
    { cron: undefined, every: '90s', catchUp: 'none', overlap: 'allow' },
    { maxAttempts: 3, priority: 'high', tags: ['night'], callback: { url: 'https://acme.example/hooks' } },
  ])('is taken: %j', (fields) => {
    expect(ScheduleBody.safeParse({ ...least, ...fields }).error).toBeUndefined();
  });

  it.each<[string, unknown]>([
    ['', null],
    ['', { ...least, delay: '1h' }],
    ['operation', { input: null, cron: '0 6 * * *' }],
    ['input', { operation: 'echo', cron: '0 6 * * *' }],
    ['cron', { operation: 'echo', input: null }],
    ['cron', { ...least, cron: '' }],
    ['cron', { ...least, cron: 5 }],
    ['cron', { ...least, cron: `${'0,'.repeat(200)}0 * * * *` }],
    ['every', { ...least, every: '1h' }],
    ['every', { ...least, cron: undefined, every: '999ms' }],
    ['every', { ...least, cron: undefined, every: '367d' }],
    ['every', { ...least, cron: undefined, every: 60 }],
    ['timeZone', { ...least, timeZone: '' }],
    ['timeZone', { ...least, cron: undefined, every: '1h', timeZone: 'Europe/Berlin' }],
    ['catchUp', { ...least, catchUp: 'first' }],
    ['overlap', { ...least, overlap: 'queue' }],
    ['paused', { ...least, paused: 'yes' }],
    ['timeout', { ...least, timeout: '0s' }],
  ])('is refused at "%s": %j', (field, body) => {
    const issues = ScheduleBody.safeParse(body).error?.issues ?? [];
    expect(issues.map(({ path }) => path.join('.'))).toEqual([field]);
    expect(issues[0]?.message).toMatch(/must|can|Unrecognized key/);
  });
});

describe('the name of a schedule', () => {
  it.each(['nightly', 'a', '2026.report_v1-b', 'x'.repeat(64)])('is taken: %s', (name) => {
    expect(SCHEDULE_NAME.test(name)).toBe(true);
  });

  it.each(['', '.', '..', '-x', 'a/b', 'a b', 'ä', 'x'.repeat(65), 'a\n'])('is refused: %j', (name) => {
    expect(SCHEDULE_NAME.test(name)).toBe(false);
  });
});
