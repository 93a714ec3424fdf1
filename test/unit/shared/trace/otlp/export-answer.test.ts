import { expect, it } from 'vitest';
import { readExportAnswer } from '../../../../../shared/trace/otlp/export-answer.ts';

const TAKEN = { taken: true, rejected: 0 };

it.each<[string, string | undefined]>([
  ['', undefined],
  ['', 'text/html'],
  ['{}', 'application/json'],
  ['ok', 'text/plain'],
  ['null', undefined],
  // The first bytes of a protobuf answer are a field's number and the length of its message, here 60.
  ['\n<\u0008\u0002', 'application/x-protobuf'],
  ['\n<\u0008\u0002', undefined],
])('an export is taken if the answer is %j of type %s', (body, type) => {
  expect(readExportAnswer(body, type)).toEqual(TAKEN);
});

it.each<[string, string | undefined]>([
  ['<!DOCTYPE html><p>welcome', undefined],
  ['\n  <html><body>welcome', undefined],
  ['<?xml version="1.0"?><html/>', undefined],
  ['welcome', 'text/html; charset=utf-8'],
])('an export is not taken if a web page answers: %j of type %s', (body, type) => {
  const reason = 'the answer is a web page: the endpoint is not that of a collector';
  expect(readExportAnswer(body, type)).toEqual({ taken: false, reason });
});

it.each([
  ['rejectedSpans', 'errorMessage'],
  ['rejectedDataPoints', 'errorMessage'],
  ['rejectedLogRecords', 'errorMessage'],
  ['rejected_spans', 'error_message'],
  ['rejected_data_points', 'error_message'],
  ['rejected_log_records', 'error_message'],
])('what a collector rejected is read from %s', (count, message) => {
  for (const rejected of ['2', 2]) {
    const body = JSON.stringify({ partialSuccess: { [count]: rejected, [message]: 'too old' } });
    expect(readExportAnswer(body)).toEqual({ taken: true, rejected: 2, reason: 'too old' });
  }
});

it('a rejection with an empty message has a reason too', () => {
  const answer = readExportAnswer('{"partialSuccess":{"rejectedSpans":"2","errorMessage":""}}');
  expect(answer).toEqual({ taken: true, rejected: 2, reason: 'it does not say why' });
});

it.each([
  { partialSuccess: { errorMessage: 'use fewer attributes' } },
  { partialSuccess: { rejectedSpans: 0, errorMessage: 'use fewer attributes' } },
  { partial_success: { rejected_spans: '0', error_message: 'use fewer attributes' } },
])('a message without a rejection is a warning: %j', (body) => {
  expect(readExportAnswer(JSON.stringify(body))).toEqual({ ...TAKEN, reason: 'use fewer attributes' });
  expect(readExportAnswer('{"partialSuccess":{"errorMessage":""}}')).toEqual(TAKEN);
});

it.each(['many', '-2', {}, 0.5, 2.5, 1e300, null])('%j is no number of rejected spans', (rejectedSpans) => {
  expect(readExportAnswer(JSON.stringify({ partialSuccess: { rejectedSpans } }))).toEqual(TAKEN);
});
