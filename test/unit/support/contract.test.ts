import { describe, expect, it } from 'vitest';
import { ENDED_JOB, STARTED_EVENT } from '../../../edge/openapi/examples.ts';
import { contract } from '../../support/http/contract.ts';

const JSON_TYPE = { 'content-type': 'application/json' };
const PROBLEM_TYPE = { 'content-type': 'application/problem+json' };
const problem = (code: string, status: number) => ({
  type: `urn:throughline:problem:${code}`,
  title: 'x',
  status,
  code,
  detail: 'x',
});

function check(
  request: string,
  status: number,
  body: unknown,
  headers: Record<string, string> = JSON_TYPE,
): () => void {
  const [method = '', url = ''] = request.split(' ');
  const text = typeof body === 'string' ? body : JSON.stringify(body);
  return () => contract.check(method, url, { status, headers: new Headers(headers), body: text });
}

describe('an answer', () => {
  it('that the document allows passes', () => {
    check('GET /v1/jobs/a?x=1', 200, ENDED_JOB)();
    check('HEAD /v1/jobs/a', 200, '')();
    check('GET /v1/jobs/a', 404, problem('job-unknown', 404), PROBLEM_TYPE)();
    check('GET /nothing', 404, problem('route-unknown', 404), PROBLEM_TYPE)();
    check('PUT /v1/jobs', 405, problem('method-not-allowed', 405), { ...PROBLEM_TYPE, allow: 'POST' })();
    contract.checkEvent(JSON.stringify(STARTED_EVENT));
  });

  it.each<[string, () => void, RegExp]>([
    ['a status', check('GET /v1/jobs/a', 418, ENDED_JOB), /status is not in the document/],
    ['a field more', check('GET /v1/jobs/a', 200, { ...ENDED_JOB, secret: 1 }), /secret/],
    ['a field less', check('GET /v1/jobs/a', 200, { ...ENDED_JOB, traceId: undefined }), /traceId/],
    [
      'a nested field more',
      check('GET /v1/jobs/a', 200, { ...ENDED_JOB, links: { self: 'x', y: 1 } }),
      /links/,
    ],
    ['a time that is none', check('GET /v1/jobs/a', 200, { ...ENDED_JOB, acceptedAt: 'now' }), /date-time/],
    ['text', check('GET /v1/jobs/a', 200, 'job'), /no JSON/],
    [
      'a content type',
      check('GET /v1/jobs/a', 200, ENDED_JOB, { 'content-type': 'text/html' }),
      /text\/html/,
    ],
    ['a header more', check('GET /v1/jobs/a', 200, ENDED_JOB, { ...JSON_TYPE, location: '/' }), /Location/],
    ['a header less', check('POST /v1/jobs', 202, ENDED_JOB), /Location is missing/],
    [
      "another route's code",
      check('GET /v1/jobs/a', 404, problem('dead-letter-unknown', 404), PROBLEM_TYPE),
      /code/,
    ],
    ['a body at 204', check('GET /v1/jobs/a/events', 204, 'x', {}), /there is a body/],
    ['success where nothing is', check('GET /nothing', 200, {}), /no operation/],
    [
      '405 without Allow',
      check('PUT /v1/jobs', 405, problem('method-not-allowed', 405), PROBLEM_TYPE),
      /Allow/,
    ],
  ])('with %s that the document does not know fails', (_, checking, reason) => {
    expect(checking).toThrow(reason);
  });

  it('does not pass as an event when it is not one', () => {
    expect(() => contract.checkEvent(JSON.stringify({ ...STARTED_EVENT, kind: 'paused' }))).toThrow(/kind/);
  });
});
