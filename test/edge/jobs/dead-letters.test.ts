import { describe, expect, it } from 'vitest';
import { deadLetterDetailOf, deadLetterOf } from '../../../edge/jobs/dead-letters.ts';
import { DeadLetterDetail } from '../../../shared/api/answers/dead-letter.ts';
import { readJson } from '../../../shared/wire/json-body.ts';
import { deadLetter, type Fields, OLD, stored, TIME, traceparent } from './stored-letters.ts';

describe('a dead letter', () => {
  it('is shown with its payload and the headers that Throughline knows', () => {
    const detail = deadLetterDetailOf(
      deadLetter(5, { 'Ce-Id': 'job-1', 'Content-Type': 'application/json' }),
    );
    expect(detail).toEqual({
      id: 'job-1',
      operation: 'echo',
      reason: 'operation-failed',
      attempts: 3,
      traceId: OLD,
      diedAt: TIME.toISOString(),
      links: { self: '/v1/dead-letters/job-1', job: '/v1/jobs/job-1' },
      input: { n: 7 },
      headers: {
        baggage: 'user=ann',
        'ce-id': 'job-1',
        'content-type': 'application/json',
        'throughline-dead-attempts': '3',
        'throughline-dead-reason': 'operation-failed',
        'throughline-max-attempts': '3',
        traceparent: traceparent(OLD),
      },
    });
  });

  it('says what was thrown, in fields of its own', () => {
    const detail = deadLetterDetailOf(
      deadLetter(5, {
        'throughline-dead-message': '"no z\\u00fcrich"',
        'throughline-dead-detail': '"a\\nb"',
      }),
    );
    expect(detail).toMatchObject({ message: 'no zürich', detail: 'a\nb' });
    expect(Object.keys(detail.headers).filter((name) => /message|detail/.test(name))).toEqual([]);
    expect(deadLetterOf(deadLetter(5, { 'throughline-dead-message': '{' }))).not.toHaveProperty('message');
  });

  it('is shown in base64 when it is not JSON, also without headers', () => {
    const message = { ...deadLetter(), data: new Uint8Array([0xff, 0x00]), headers: undefined };
    expect(deadLetterDetailOf(message)).toMatchObject({ body: '/wA=', headers: {}, reason: '', traceId: '' });
    expect(deadLetterDetailOf(message)).not.toHaveProperty('input');
  });

  it('is shown in base64 when it is nothing but a byte order mark, which a worker refuses', () => {
    const data = new Uint8Array([0xef, 0xbb, 0xbf]);
    expect(() => readJson(data)).toThrow('not JSON');
    expect(deadLetterDetailOf({ ...deadLetter(), data })).toMatchObject({ body: '77u/' });
  });

  it.each<Fields>([
    { 'throughline-dead-attempts': 'many' },
    { traceparent: 'x' },
    { 'throughline-redrive-count': '-1' },
  ])('fits the schema of the API, also with %j', (fields) => {
    const bad = stored('dead.acme.job-1.echo', 1, fields);
    expect(DeadLetterDetail.safeParse(deadLetterDetailOf(bad)).success).toBe(true);
    expect(deadLetterOf(bad)).not.toHaveProperty('redriveCount');
  });
});
