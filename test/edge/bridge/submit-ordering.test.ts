import { describe, expect, it } from 'vitest';
import type { SubmitCommand } from '../../../edge/calls/commands.ts';
import { unavailable } from '../../../shared/errors.ts';
import { writeJson } from '../../../shared/wire/json-body.ts';
import { command, ECHO, KEY, setup } from './submit-support.ts';

describe('jobs with one ordering key', () => {
  const ordered = (jobId: string, spec: SubmitCommand['spec'] = {}) =>
    command(jobId, { orderingKey: 'customer', ...spec });
  const ids = (subjects: readonly string[]) => subjects.map((subject) => subject.split('.')[4]);

  it('Q8: are published in the order in which they came, whatever each of them waits for', async () => {
    const { answer, subjects } = setup();
    // Only a job with an idempotency key asks NATS whether it exists already.
    const jobs = [ordered('job-1', { fingerprint: KEY }), ordered('job-2'), ordered('job-3')];
    await Promise.all(jobs.map((one) => answer(one)));
    expect(ids(subjects())).toEqual(['job-1', 'job-2', 'job-3']);
  });

  it('Q8: come after an elder that went to the outbox', async () => {
    const { answer, subjects, outbox, broker } = setup();
    broker.before('publish', (nth) => {
      if (nth === 1) throw unavailable('no answer');
    });
    await Promise.all([answer(ordered('job-1')), answer(ordered('job-2'))]);
    expect(subjects()).toEqual([]);
    expect(outbox.takeNext(10, 1_000).map(({ job }) => job.jobId)).toEqual(['job-1', 'job-2']);
  });

  it('wait for no elder that was refused', async () => {
    const { answer, subjects } = setup();
    const answers = [ordered('job-1', { maxAttempts: 6 }), ordered('job-2')].map((one) => answer(one));
    await Promise.allSettled(answers);
    expect(ids(subjects())).toEqual(['job-2']);
  });

  it('are not taken in a batch before an elder whose input must be checked again', async () => {
    const { answer, subjects, broker } = setup();
    broker.operations.put('strict', writeJson({ ...ECHO, name: 'strict', inputCheck: { type: 'number' } }));
    const batch = {};
    const jobs = [ordered('job-1'), { ...ordered('job-2'), operation: 'strict' }, ordered('job-3')];
    const outcomes = async (): Promise<string[]> =>
      (await Promise.all([...jobs, command('other')].map((one) => answer(one, batch)))).map(
        ({ outcome }) => outcome,
      );
    expect(await outcomes()).toEqual(['submitted', 'rules-needed', 'rules-needed', 'submitted']);
    expect(ids(subjects())).not.toContain('job-3');
    // Another request does not wait for the rules of this one.
    expect((await answer(ordered('job-4'))).outcome).toBe('submitted');
  });
});
