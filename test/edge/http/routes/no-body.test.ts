import { describe, expect, it } from 'vitest';
import { problemIn, setup } from '../app-support.ts';

describe('a request that takes no body', () => {
  const REQUESTS = [
    ['POST', '/v1/schedules/nightly/trigger'],
    ['POST', '/v1/schedules/nightly/pause'],
    ['POST', '/v1/schedules/nightly/resume'],
    ['DELETE', '/v1/schedules/nightly'],
    ['POST', '/v1/dead-letters/job-1/redrive'],
    ['POST', '/v1/outbox/job-1-r1/retry'],
    ['DELETE', '/v1/outbox/job-1-r1'],
    ['DELETE', '/v1/jobs/job-1'],
  ] as const;

  it.each(REQUESTS)('refuses one, so that nobody takes it for heard: %s %s', async (method, path) => {
    const { send } = await setup();
    const streamed = new Blob(['{"input":1}']).stream();
    const bodies = [
      { body: '{"input":1}' },
      { body: ' ' },
      { body: '[]' },
      { body: '{}{}' },
      { body: '{"":0}' },
      { body: `{${' '.repeat(30)}}` },
      { body: streamed, duplex: 'half' as const },
    ];
    for (const body of bodies) {
      const response = await send(path, { method, ...body });
      expect(response.status).toBe(400);
      expect(await problemIn(response)).toMatchObject({
        code: 'request-invalid',
        detail: 'this request takes no body: send it without one',
      });
    }
  });

  it.each(REQUESTS)('takes an empty one, or an empty object, for none: %s %s', async (method, path) => {
    const { send } = await setup();
    const plain = await send(path, { method });
    // Encoders of Go end it with a line break, printers of Java put a blank into it, and PowerShell begins with a byte order mark.
    for (const body of ['', '{}', '{}\n', '{ }', '\r\n{\r\n}\r\n', '\uFEFF{}']) {
      const headers = { 'content-length': String(Buffer.byteLength(body)) };
      const empty = await send(path, { method, body, headers });
      expect(empty.status).toBe(plain.status);
    }
    expect(plain.status).not.toBe(400);
  });
});
