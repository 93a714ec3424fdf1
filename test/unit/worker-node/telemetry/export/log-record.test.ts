import { expect, it } from 'vitest';
import { logRecordOf } from '../../../../../worker-node/telemetry/export/log-record.ts';

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
