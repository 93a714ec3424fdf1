import { describe, expect, it } from 'vitest';
import { ApiError } from '../../../client/errors.ts';

function answered(status: number, body: unknown): ApiError {
  return new ApiError({ status, url: 'http://api.test/v1/jobs', text: JSON.stringify(body) });
}

describe('an error of the API', () => {
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
});
