import { describe, expect, it } from 'vitest';
import { parseBaseUrl } from '../../../../shared/text/base-url.ts';

const API = { isApi: true };

describe('the address of an API', () => {
  it.each([
    ['https://api.test', 'https://api.test'],
    ['https://api.test/', 'https://api.test'],
    ['https://api.test/jobs//', 'https://api.test/jobs'],
    ['  http://127.0.0.1:8787/\n', 'http://127.0.0.1:8787'],
    ['HTTPS://API.test', 'https://api.test'],
    ['http://[::1]:8787', 'http://[::1]:8787'],
    ['https://api.test/v10', 'https://api.test/v10'],
    ['https://api.test/my/v1x', 'https://api.test/my/v1x'],
  ])('is taken without its last slash: %j', (text, url) => {
    expect(parseBaseUrl(text, API)).toEqual({ url });
  });

  it.each([
    ['', 'starts with http'],
    ['api.test', 'starts with http'],
    ['localhost:8787', 'starts with http'],
    ['//api.test', 'starts with http'],
    ['ftp://api.test', 'starts with http'],
    ['http://', 'starts with http'],
    ['http://api.test:99999', 'starts with http'],
    ['https://user:secret@api.test', 'without credentials'],
    ['https://secret@api.test', 'without credentials'],
    ['https://api.test?secret=1', 'without credentials, query'],
    ['https://api.test?', 'without credentials, query'],
    ['https://api.test/#secret', 'without credentials, query'],
    ['https://api.test/v1', 'before /v1'],
    ['https://api.test/v1/', 'before /v1'],
    ['https://api.test/x/v1/jobs', 'before /v1'],
  ])('is refused in a sentence that does not show it: %j', (text, fault) => {
    const parsed = parseBaseUrl(text, API) as { fault: string };
    expect(parsed.fault).toMatch(/^must be /);
    expect(parsed.fault).toContain(fault);
    expect(parsed.fault).not.toContain('secret');
  });

  it('may hold /v1 where it is not the API', () => {
    expect(parseBaseUrl('http://traces.test/v1/', { isApi: false })).toEqual({
      url: 'http://traces.test/v1',
    });
  });
});
