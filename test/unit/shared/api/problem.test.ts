import { describe, expect, it } from 'vitest';
import { Problem } from '../../../../shared/api/answers/problem.ts';
import { problemOf } from '../../../../shared/api/problem.ts';
import { ERROR_CODES, ThroughlineError } from '../../../../shared/errors.ts';

const TRACE_ID = '4bf92f3577b34da6a3ce929d0e0e4736';

describe('a problem document', () => {
  it('has the type, the title and the status of its code, the reason and the trace id', () => {
    expect(problemOf(new ThroughlineError('stream-full', 'why'), TRACE_ID)).toEqual({
      type: 'urn:throughline:problem:stream-full',
      title: 'The job queue is full',
      status: 503,
      code: 'stream-full',
      detail: 'why',
      traceId: TRACE_ID,
    });
  });

  it.each(ERROR_CODES)('of %s fits the schema that the API publishes', (code) => {
    const problem = problemOf(new ThroughlineError(code, 'why'), TRACE_ID);
    expect(problem).toMatchObject({ type: `urn:throughline:problem:${code}`, code, detail: 'why' });
    expect(Problem.parse(problem)).toEqual(problem);
  });

  it('says how the job ended, if it has ended already', () => {
    const error = new ThroughlineError('job-finished', 'why', { state: 'failed' });
    expect(problemOf(error, TRACE_ID)).toMatchObject({ status: 409, state: 'failed' });
  });

  it('has no trace id if no trace was started', () => {
    expect(problemOf(new ThroughlineError('internal', 'why'), undefined)).not.toHaveProperty('traceId');
  });

  it('holds neither the cause nor a stack when it is written as JSON', () => {
    const cause = new Error('canary');
    const error = new ThroughlineError('broker-unavailable', 'why', { cause, retryAfterSeconds: 1 });
    const text = JSON.stringify(problemOf(error, TRACE_ID));
    expect(text).not.toContain('canary');
    expect(text).not.toMatch(/\bat .*:\d+/);
    expect(Object.keys(JSON.parse(text)).sort()).toEqual([
      'code',
      'detail',
      'status',
      'title',
      'traceId',
      'type',
    ]);
  });

  it('lists violations and suggestions if there are some', () => {
    const violations = [{ path: '/input/width', message: 'is not a number' }];
    const error = new ThroughlineError('input-invalid', 'why', { violations, suggestions: ['echo'] });
    expect(problemOf(error, undefined)).toMatchObject({ violations, suggestions: ['echo'] });
  });
});
