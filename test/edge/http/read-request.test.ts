import { describe, expect, it } from 'vitest';
import type * as z from 'zod';
import { ListQuery } from '../../../edge/http/requests/list-requests.ts';
import { acceptsEventStream, parseRequest, preferredWait } from '../../../edge/http/requests/read-request.ts';
import { ScheduleBody } from '../../../shared/api/schedule.ts';
import { SubmitJob } from '../../../shared/api/submit-job.ts';
import type { ThroughlineError } from '../../../shared/errors.ts';

describe('an unknown field', () => {
  it.each([
    [ScheduleBody, { timezone: 'UTC' }, '/timezone', 'timeZone'],
    [ScheduleBody, { time_zone: 'UTC' }, '/time_zone', 'timeZone'],
    [ScheduleBody, { maxAttemps: 1 }, '/maxAttemps', 'maxAttempts'],
    [ScheduleBody, { callback: { url: 'https://acme.example', event: [] } }, '/callback/event', 'events'],
    [SubmitJob, { operation: 'echo', input: 1, tag: ['a'] }, '/tag', 'tags'],
    // So do axios, PHP and others write a list in a query.
    [ListQuery, { 'tag[]': 'a' }, '/tag[]', 'tag'],
    [ListQuery, { 'tag[0]': 'a' }, '/tag[0]', 'tag'],
  ])('is told the field that it nearly is: %#', (schema, body, path, meant) => {
    const name = JSON.stringify(path.split('/').at(-1));
    const message = `there is no field ${name} here (did you mean ${meant}?)`;
    expect(violations(schema, body)).toContainEqual({ path, message });
  });

  it.each([{ colour: 1 }, { x: 1 }, { '': 1 }])('is told nothing if no field is near: %j', (body) => {
    const [name = ''] = Object.keys(body);
    const message = `there is no field ${JSON.stringify(name)} here`;
    expect(violations(ScheduleBody, body)).toContainEqual({ path: `/${name}`, message });
  });

  it('with a long name is shown as one that was cut', () => {
    const name = `${'x'.repeat(59)}…`;
    const message = `there is no field "${name}" here`;
    const found = violations(ScheduleBody, { ['x'.repeat(61)]: 1 });
    expect(found).toContainEqual({ path: `/${name}`, message });
  });
});

it('an unknown field comes before the fields that are missing, because it is why one of them is', () => {
  const read = (): unknown => parseRequest(SubmitJob, { operation: 'echo', inputs: 1 });
  expect(read).toThrow(
    '/inputs: there is no field "inputs" here (did you mean input?); /input: must be given (null if the operation takes nothing)',
  );
});

function violations(schema: z.ZodType, body: unknown) {
  try {
    parseRequest(schema, body);
  } catch (thrown) {
    return (thrown as ThroughlineError).violations;
  }
  throw new Error('the body was taken');
}

describe('Prefer: wait', () => {
  it.each([
    ['wait=10', 10],
    ['wait=0', 0],
    ['WAIT=10', 10],
    ['wait = 10', 10],
    ['wait="10"', 10],
    ['respond-async, wait=10', 10],
    ['respond-async;wait=10', 10],
    ['wait=10, handling=lenient', 10],
    ['foo; wait=10', 10],
    ['foo="a \\" b", wait="10"', 10],
    ['foo="x", wait=10 ; bar', 10],
    ['wait=007', 7],
  ])('is read from %j as %i seconds', (header, seconds) => {
    expect(preferredWait(header, 60)).toBe(seconds);
  });

  it('is never longer than the limit', () => {
    expect(preferredWait('wait=61', 60)).toBe(60);
    expect(preferredWait('wait=999999', 60)).toBe(60);
    expect(preferredWait(`wait=${'9'.repeat(400)}`, 60)).toBe(60);
  });

  it('is the first one if there are two', () => {
    expect(preferredWait('wait=1, wait=2', 60)).toBe(1);
  });

  it.each([
    undefined,
    '',
    'wait',
    'wait=',
    'wait=soon',
    'wait=-1',
    'wait=1.5',
    'wait=1e3',
    'wait=10s',
    'await=10',
    'x-wait=10',
    'wait:10',
    'return=minimal',
    // What stands in quotes is the value of another preference.
    'foo="a, wait=10, b"',
    'foo="a;wait=10"',
    'foo="\\", wait=10"',
    'wait="10',
    'wait="1"0',
    'wait=10 wait=20',
  ])('is not found in %j', (header) => {
    expect(preferredWait(header, 60)).toBeUndefined();
  });

  it('is found fast, also in hostile text', () => {
    const start = performance.now();
    for (const part of ['wait ', 'wait=', 'wait="1', ' ', '1', ',wait=', '"', '"\\', ', '])
      preferredWait(part.repeat(20_000), 60);
    expect(performance.now() - start).toBeLessThan(10_000);
  });
});

describe('an event stream', () => {
  it.each([
    'text/event-stream',
    'TEXT/Event-Stream',
    'text/event-stream;charset=utf-8',
    'application/json, text/event-stream',
    'application/json;q=0.5, text/event-stream;q=0.9',
    'text/event-stream;q=0.1, */*;q=0.5',
    'text/event-stream ; Q = 1',
    'application/json; x="a, b;q=1"; q=0.5, text/event-stream',
    'text/event-stream;q=soon',
    ' , text/event-stream,',
  ])('is asked for by Accept: %s', (header) => {
    expect(acceptsEventStream(header)).toBe(true);
  });

  it.each([
    undefined,
    '',
    '*/*',
    'text/*',
    'application/json',
    'text/event-stream;q=0',
    'text/event-stream; q=0.000, application/json',
    'application/json, text/event-stream;q=0.5',
    'text/event-streams',
    'x="text/event-stream"',
    'x="a, text/event-stream, b"',
    'text/event-stream; q=0; x=1',
    'text/event-stream;q=.',
  ])('is not asked for by Accept: %s', (header) => {
    expect(acceptsEventStream(header)).toBe(false);
  });
});
