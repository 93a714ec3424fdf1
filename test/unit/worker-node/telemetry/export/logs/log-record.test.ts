import { expect, it } from 'vitest';
import { logRecordOf } from '../../../../../../worker-node/telemetry/export/logs/log-record.ts';

const TIME = '2026-01-02T03:04:05.678Z';
const recordOf = (fields: object, level = 'warn') =>
  logRecordOf(`${JSON.stringify({ level, time: TIME, service: 'throughline-worker', ...fields })}\n`);

it.each([
  ['debug', 5],
  ['info', 9],
  ['warn', 13],
  ['error', 17],
])('the level %s has the severity number %i of the specification', (level, severityNumber) => {
  expect(recordOf({ msg: '' }, level)).toMatchObject({ severityNumber, severityText: level });
});

it('all fields without a place of their own are attributes, with what they hold', () => {
  const ids = { trace_id: '4bf92f3577b34da6a3ce929d0e0e4736', span_id: '00f067aa0ba902b7' };
  const fields = { job_id: 'job-1', attempt: 2, data: { list: [1, null], __proto__: { a: 1 } } };
  expect(recordOf({ msg: 'greeting', ...ids, ...fields })).toMatchObject({
    timestamp: Date.parse(TIME),
    body: 'greeting',
    attributes: fields,
  });
  expect(Object.keys(recordOf({ msg: '', ...ids, ...fields }).attributes ?? {})).toEqual(Object.keys(fields));
});

it('an integer that 64 bits do not hold is a text', () => {
  const data = { max: Number.MAX_SAFE_INTEGER, list: [2 ** 63, -(2 ** 70)], half: 0.5, tiny: 1e-30 };
  const { attributes } = recordOf({ msg: '', most: Number.MAX_VALUE, data });
  expect(attributes).toEqual({
    most: '1.7976931348623157e+308',
    data: { ...data, list: ['9223372036854776000', '-1.1805916207174113e+21'] },
  });
});

it('half a character is replaced', () => {
  const { body, attributes } = recordOf({ msg: 'a\ud83d', data: { text: '\ude00b', whole: '😀' } });
  expect([body, attributes]).toEqual(['a\ufffd', { data: { text: '\ufffdb', whole: '😀' } }]);
});

/** A list in a list in a list. */
const nested = (levels: number): string => '['.repeat(levels) + ']'.repeat(levels);

it.each([5, 500, 3_000])(
  'a list that is nested %i levels deep leaves the other records of its batch alone',
  (levels) => {
    const line = `{"level":"info","time":"${TIME}","msg":"deep","job_id":"job-1","data":{"deep":${nested(levels)}}}`;
    const { attributes } = logRecordOf(line);
    expect(attributes?.job_id).toBe('job-1');
    if (levels === 5) expect(attributes?.data).toEqual({ deep: JSON.parse(nested(levels)) });
    else expect(attributes?.data).toBe(`{"deep":${nested(levels)}}`);
  },
);

it.each([
  ['TypeError: no\n    at run (a.ts:1:1)', 'TypeError'],
  ['Shop.Declined: no', 'Shop.Declined'],
  ['Error', 'Error'],
  ['a string was thrown, which is not an Error', undefined],
])('a stack has the names of the conventions: %j is a %s', (stack, type) => {
  expect(
    recordOf({ msg: 'attempt failed', code: 'operation-failed', reason: 'no', stack }).attributes,
  ).toEqual({
    code: 'operation-failed',
    reason: 'no',
    'exception.message': 'no',
    'exception.stacktrace': stack,
    ...(type === undefined ? {} : { 'exception.type': type }),
  });
});
