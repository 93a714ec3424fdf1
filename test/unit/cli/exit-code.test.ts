import { describe, expect, it } from 'vitest';
import { CliError } from '../../../cli/cli-error.ts';
import { exitCodeHelp, exitCodeOf, exitCodeOfJob } from '../../../cli/exit-code.ts';
import { ApiError } from '../../../client/errors.ts';
import { problemOf } from '../../../shared/api/problem.ts';
import { ERRORS } from '../../../shared/error-table.ts';
import { API_ERROR_CODES, type ErrorCode, ThroughlineError } from '../../../shared/errors.ts';
import { JOB_STATES } from '../../../shared/job/job-state.ts';

function answered(status: number, body: unknown): ApiError {
  return new ApiError({ status, url: 'http://api.test/v1/jobs', text: JSON.stringify(body) });
}

describe('the exit code of a job', () => {
  it.each(JOB_STATES.map((state) => [state, state === 'failed' || state === 'cancelled' ? 1 : 0] as const))(
    '%s is %i',
    (state, code) => {
      expect(exitCodeOfJob({ state })).toBe(code);
    },
  );
});

describe('the exit code of an error', () => {
  it('is 2 when the API refuses, 3 when it fails, 5 without a valid key, and 1 when the job had already ended', () => {
    for (const code of API_ERROR_CODES) {
      const error = answered(ERRORS[code].status, problemOf(new ThroughlineError(code, 'why'), undefined));
      const own: Partial<Record<ErrorCode, number>> = { unauthenticated: 5, 'job-finished': 1 };
      const expected = own[code] ?? (ERRORS[code].status < 500 ? 2 : 3);
      expect([code, error.code, exitCodeOf(error)]).toEqual([code, code, expected]);
    }
  });

  it.each([
    [400, 2],
    [401, 5],
    [403, 2],
    [429, 2],
    [500, 3],
    [502, 3],
    [302, 3],
  ])('follows from HTTP status %i when the answer is not a problem document', (status, code) => {
    const error = new ApiError({ status, url: 'http://api.test/v1/jobs', text: '<html>' });
    expect(error.message).toBe(`http://api.test/v1/jobs answered with HTTP status ${status}`);
    expect(exitCodeOf(error)).toBe(code);
  });

  it('follows from the HTTP status when the code is of a later version of the API', () => {
    expect(exitCodeOf(answered(409, { code: 'job-finished', detail: 'late' }))).toBe(1);
    expect(exitCodeOf(answered(409, { code: 'job-busy', detail: 'busy' }))).toBe(2);
    expect(exitCodeOf(answered(507, { code: 'outbox-full', detail: 'full' }))).toBe(3);
    expect(exitCodeOf(answered(400, { code: 'toString', detail: 'odd' }))).toBe(2);
  });

  it.each([
    [new CliError('usage-invalid', ''), 2],
    [new CliError('api-unreachable', ''), 3],
    [new CliError('traces-unreachable', ''), 3],
    [new CliError('answer-invalid', ''), 3],
    [new CliError('spans-missing', ''), 4],
    [new CliError('output-unwritable', 'full'), 74],
    [new CliError('interrupted', ''), 130],
    [new CliError('terminated', ''), 143],
    // Not from the API, but from a worker or a setting of this machine.
    [new ThroughlineError('config-invalid', ''), 2],
    [new ThroughlineError('broker-unavailable', ''), 3],
    [new TypeError('a bug'), 70],
    ['not even an error', 70],
  ])('of the command line itself: %o', (thrown, code) => {
    expect(exitCodeOf(thrown)).toBe(code);
  });
});

describe('the table in --help', () => {
  it('names every exit code once', () => {
    const codes = exitCodeHelp().match(/^ {2}[0-9]+/gm);
    expect(codes?.map(Number)).toEqual([0, 1, 2, 3, 4, 5, 70, 74, 78, 130, 143]);
  });

  it('has no line that a reader must scroll for', () => {
    const lines = exitCodeHelp().split('\n');
    expect(lines.filter((line) => line.length > 125)).toEqual([]);
    expect(lines).toContain('       for verify: a trace is broken');
  });
});
