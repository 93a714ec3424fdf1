import { describe, expect, it } from 'vitest';
import { nextRedrive, type Redrive } from '../../../../shared/job/redrive.ts';
import { idPerRedrive, readRedrive, writeRedrive } from '../../../../shared/wire/redrive.ts';

const T1 = '4bf92f3577b34da6a3ce929d0e0e4736';
const T2 = '0af7651916cd43dd8448eb211c80319c';

function read(headers: Record<string, string>): Redrive | undefined {
  return readRedrive((name) => (headers[name] === undefined ? [] : [headers[name]]));
}

describe('the headers of a redriven job', () => {
  it('are read as they were written', () => {
    const redrive = { redriveCount: 2, previousTraceIds: [T1, T2] };
    const headers: Record<string, string> = {};
    writeRedrive(redrive, (name, value) => {
      headers[name] = value;
    });
    expect(headers).toEqual({
      'throughline-redrive-count': '2',
      'throughline-previous-trace-ids': `${T1},${T2}`,
    });
    expect(read(headers)).toEqual(redrive);
  });

  it.each(['0', '-1', '1.5', 'x', '', '99999999', '1 '])(
    'count as absent when the redrive count is %j',
    (redriveCount) => {
      expect(
        read({ 'throughline-redrive-count': redriveCount, 'throughline-previous-trace-ids': T1 }),
      ).toBeUndefined();
    },
  );

  it('keep only valid trace ids', () => {
    const redriveOf = `${T1},nonsense,${T2.toUpperCase()},,${T2}`;
    expect(read({ 'throughline-redrive-count': '1', 'throughline-previous-trace-ids': redriveOf })).toEqual({
      redriveCount: 1,
      previousTraceIds: [T1, T2],
    });
  });
});

describe('one more redrive', () => {
  it('is the first after a job that was never redriven', () => {
    expect(nextRedrive(undefined, T1)).toEqual({ redriveCount: 1, previousTraceIds: [T1] });
  });

  it('adds its trace to those before, and drops the oldest if there are too many', () => {
    expect(nextRedrive({ redriveCount: 1, previousTraceIds: [T1] }, T2)).toEqual({
      redriveCount: 2,
      previousTraceIds: [T1, T2],
    });
    const many = nextRedrive({ redriveCount: 20, previousTraceIds: Array<string>(20).fill(T1) }, T2);
    expect(many.previousTraceIds).toEqual([...Array<string>(19).fill(T1), T2]);
  });

  it.each([undefined, ''])('works without a trace (%j)', (traceId) => {
    expect(nextRedrive(undefined, traceId)).toEqual({ redriveCount: 1, previousTraceIds: [] });
  });
});

describe('a message id', () => {
  it('differs after each redrive, and is unchanged before the first', () => {
    expect([undefined, 0, 1, 2].map((redriveCount) => idPerRedrive('job-1:end', redriveCount))).toEqual([
      'job-1:end',
      'job-1:end',
      'job-1:end:1',
      'job-1:end:2',
    ]);
  });
});
