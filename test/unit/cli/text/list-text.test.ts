import { describe, expect, it } from 'vitest';
import { deadLettersText, jobsText, outboxText } from '../../../../cli/text/list-text.ts';
import { createPaint } from '../../../../cli/text/terminal.ts';
import type { JobSummary } from '../../../../shared/api/answers/job-list.ts';

const plain = createPaint(false);
const AT = '2026-01-01T00:00:00.000Z';

function job(id: string, more: Partial<JobSummary> = {}): JobSummary {
  return {
    id,
    operation: 'echo',
    state: 'queued',
    attempt: 0,
    maxAttempts: 3,
    durability: 'stream',
    acceptedAt: AT,
    traceId: '4bf92f3577b34da6a3ce929d0e0e4736',
    links: { self: `/v1/jobs/${id}` },
    ...more,
  };
}

describe('a list of jobs', () => {
  it('has a line for each job, in columns, with why it failed, when it is due or how long it took', () => {
    const jobs = [
      job('a', { state: 'failed', attempt: 3, error: { code: 'operation-failed' } }),
      job('long-id', { operation: 'http.request', dueAt: '2026-01-02T00:00:00.000Z' }),
      job('b', { state: 'succeeded', attempt: 1, finishedAt: '2026-01-01T00:00:01.500Z' }),
      job('c'),
      job('d', { served: false }),
    ];
    expect(jobsText(jobs, plain).split('\n')).toEqual([
      `${AT}  a        echo          failed     3/3  operation-failed`,
      `${AT}  long-id  http.request  queued     0/3  due 2026-01-02T00:00:00.000Z`,
      `${AT}  b        echo          succeeded  1/3  1.5 s`,
      `${AT}  c        echo          queued     0/3`,
      `${AT}  d        echo          queued     0/3  no worker host can run it`,
    ]);
  });

  it('keeps its columns when a cell has wide characters or an escape', () => {
    const lines = jobsText([job('a', { operation: '日本' }), job('a', { operation: '\u001b' })], plain).split(
      '\n',
    );
    expect(lines[0]).toContain('  日本  queued');
    expect(lines[1]).toContain('  \\x1b  queued');
  });

  it('differs only by its colours on a terminal', () => {
    const escapes = new RegExp(`${String.fromCharCode(27)}\\[[0-9;]*m`, 'g');
    const colored = jobsText([job('a')], createPaint(true));
    expect(colored).toMatch(escapes);
    expect(colored.replaceAll(escapes, '').trimEnd()).toBe(jobsText([job('a')], plain));
  });
});

it('a list of dead letters shows when, which, why, and after how many attempts', () => {
  const links = { self: '/v1/dead-letters/a', job: '/v1/jobs/a' };
  const deadLetter = { operation: 'echo', diedAt: AT, traceId: '', links };
  const deadLetters = [
    { ...deadLetter, id: 'a', reason: 'operation-failed', message: 'no luck', attempts: 1 },
    { ...deadLetter, id: 'b', reason: 'attempts-spent', attempts: 3 },
  ];
  expect(deadLettersText(deadLetters, plain).split('\n')).toEqual([
    `${AT}  a  echo  1 attempt   no luck (operation-failed)`,
    `${AT}  b  echo  3 attempts  attempts-spent`,
  ]);
});

it('a list of the outbox shows the state of each job, and the reason of a rejected one', () => {
  const jobs = [
    { id: 'a', operation: 'echo', addedAt: AT, state: 'pending' as const, tries: 1 },
    { id: 'b', addedAt: AT, state: 'rejected' as const, tries: 2, reason: 'too large' },
  ];
  expect(outboxText(jobs, plain).split('\n')).toEqual([
    `${AT}  a  echo  pending   sent 1 time`,
    `${AT}  b  ?     rejected  sent 2 times  too large`,
  ]);
});

describe('a list of jobs on a narrow terminal', () => {
  const jobs = [
    job('0190f5a1-7c1e-7d3a-9c55-6a1f0c2b7e11', {
      operation: 'a.rather.long.operation',
      state: 'failed',
      error: { code: 'a-reason-that-is-long' },
    }),
  ];

  it.each([120, 100, 80])('fits into %i columns, and the id stays whole', (columns) => {
    const [line = ''] = jobsText(jobs, plain, columns).split('\n');
    expect(line.length).toBeLessThanOrEqual(columns);
    expect(line).toContain('0190f5a1-7c1e-7d3a-9c55-6a1f0c2b7e11');
  });

  it('is not cut where there is no terminal', () => {
    expect(jobsText(jobs, plain)).toContain('a.rather.long.operation  failed  0/3  a-reason-that-is-long');
  });
});
