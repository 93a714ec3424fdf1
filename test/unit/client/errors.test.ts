import { describe, expect, it } from 'vitest';
import { ApiError } from '../../../client/errors.ts';

function answered(status: number, body: unknown): ApiError {
  return new ApiError({ status, url: 'http://api.test/v1/jobs', text: JSON.stringify(body) });
}

describe('an error of the API', () => {
  it.each([
    ['30', 30],
    [new Date(Date.now() + 86_400_000).toUTCString(), 86_400],
    ['Sun, 06 Nov 1994 08:49:37 GMT', 0],
    ['Sun, 99 Nov 1994 08:49:37 GMT', undefined],
    ['soon', undefined],
    ['-1', undefined],
  ])('says after how many seconds to ask again: %s', (header, seconds) => {
    const headers = new Headers({ 'retry-after': header });
    const error = new ApiError({ status: 503, url: 'http://api.test/', headers, text: '' });
    if (seconds === undefined) expect(error.retryAfterSeconds).toBeUndefined();
    else expect(Math.abs((error.retryAfterSeconds ?? -9) - seconds)).toBeLessThan(60);
  });

  it('keeps the whole problem document, also parts that this version does not know', () => {
    const sent = { code: 'job-busy', detail: 'busy', traceId: '4bf9', retryable: true };
    expect(answered(409, sent).problem).toMatchObject({ ...sent, status: 409 });
  });

  it('leaves out only the malformed parts of its problem document', () => {
    const error = answered(422, {
      code: 'input-invalid',
      detail: 7,
      violations: [{ path: 1 }],
      suggestions: 'x',
    });
    expect(error).toMatchObject({ code: 'input-invalid', violations: [], suggestions: [] });
    expect(error.message).toContain('HTTP status 422');
  });

  it('has words also where a gateway sends a problem document whose texts are empty', () => {
    expect(answered(422, { code: 'request-invalid', title: 'Not valid', detail: '' }).message).toBe(
      'Not valid',
    );
    expect(answered(422, { code: 'request-invalid', title: '', detail: '' }).message).toContain(
      'HTTP status 422',
    );
  });

  it.each([
    [401, 'unauthenticated'],
    [403, 'forbidden'],
    [404, 'route-unknown'],
    [413, 'payload-too-large'],
    [418, 'request-invalid'],
    [429, 'rate-limited'],
    [502, 'internal'],
  ])(
    'has the code that fits its status where a gateway answered in the place of the API: %i',
    (status, code) => {
      const error = new ApiError({ status, url: 'http://api.test/v1/jobs', text: '<h1>Sorry</h1>' });
      expect(error).toMatchObject({ code, httpStatus: status });
      expect(error.message).toBe(`http://api.test/v1/jobs answered with HTTP status ${status}`);
    },
  );

  it('says that there was a redirect where a browser hides it behind the status 0', () => {
    const error = new ApiError({ status: 0, url: 'http://api.test/v1/jobs', text: '' });
    expect(error.message).toBe('http://api.test/v1/jobs answered with HTTP status 3xx');
  });

  it.each([
    ['https://login.example/sso?token=canary', ' and leads to https://login.example'],
    ['/v2/jobs', ' and leads to http://api.test'],
    ['http://', ''],
    ['', ''],
  ])('says where a redirect leads, without its query: %s', (location, where) => {
    const headers = new Headers({ location });
    const error = new ApiError({ status: 302, url: 'http://api.test/v1/jobs', headers, text: '' });
    expect(error.message).toBe(`http://api.test/v1/jobs answered with HTTP status 302${where}`);
  });
});
