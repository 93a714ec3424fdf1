import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { readCursor, writeCursor } from '../../../edge/calls/cursors.ts';
import { AS_GLOBEX, problemIn, setup } from './app-support.ts';

describe('a cursor', () => {
  it('is read back, and is safe in a URL', () => {
    const place = fc.record({
      acceptedAt: fc.integer({ min: 0, max: 8.64e14 }),
      id: fc.stringMatching(/^[A-Za-z0-9_-]{1,64}$/),
    });
    fc.assert(
      fc.property(place, (where) => {
        const cursor = writeCursor(where);
        expect(cursor).toMatch(/^[A-Za-z0-9_-]+$/);
        expect(readCursor(cursor)).toEqual(where);
      }),
    );
  });

  it('is not read from any other text', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), (text) => {
        const place = readCursor(text);
        if (place !== undefined) expect(writeCursor(place)).toBe(text);
      }),
    );
  });
});

describe('GET /v1/jobs', () => {
  it('asks the index for the jobs of the caller only', async () => {
    const { send, listed } = await setup();
    const after = { acceptedAt: 7, id: 'job-1' };
    const query = `?state=failed&operation=http.request&tag=a&tag=b&limit=7&cursor=${writeCursor(after)}`;
    const response = await send(`/v1/jobs${query}`, { headers: AS_GLOBEX });
    expect(response.status).toBe(200);
    expect(await response.json()).toEqual({ jobs: [], complete: true });
    await send('/v1/jobs');
    expect(listed).toEqual([
      { tenant: 'globex', states: ['failed'], operation: 'http.request', tags: ['a', 'b'], limit: 7, after },
      { tenant: 'acme', states: [], operation: undefined, tags: [], limit: 50, after: undefined },
    ]);
  });

  it.each([
    ['?limit=0', '/limit'],
    ['?limit=101', '/limit'],
    ['?limit=1&limit=2', '/limit'],
    ['?state=done', '/state'],
    ['?state=failed&state=queued', '/state'],
    ['?operation=%3E', '/operation'],
    ['?cursor=%00', '/cursor'],
    ['?tenant=globex', '/tenant'],
    ['?cursor=', '/cursor'],
    ['?tag=', '/tag/0'],
    ['?tag=a&tag=a', '/tag'],
    [`?${Array.from({ length: 9 }, (_, n) => `tag=${n}`).join('&')}`, '/tag'],
  ])('refuses %s, and asks nothing', async (query, path) => {
    const { send, listed } = await setup();
    const response = await send(`/v1/jobs${query}`);
    expect(response.status).toBe(400);
    expect(await problemIn(response)).toMatchObject({ code: 'request-invalid', violations: [{ path }] });
    expect(listed).toEqual([]);
  });

  it.each([
    ['?state=failed&state=queued', 'state', 2],
    ['?limit=1&limit=2&limit=3', 'limit', 3],
  ])('says of %s that it may be given once', async (query, name, times) => {
    const { send } = await setup();
    const { violations } = await problemIn(await send(`/v1/jobs${query}`));
    expect(violations).toEqual([
      { path: `/${name}`, message: `is given ${times} times, but may be given once` },
    ]);
  });

  it('names what is unknown, even if it is given twice', async () => {
    const { send } = await setup();
    const { violations } = await problemIn(await send('/v1/jobs?stat=failed&stat=queued'));
    expect(violations).toEqual([
      { path: '/stat', message: 'there is no field "stat" here (did you mean state?)' },
    ]);
  });
});
