import { afterEach, describe, expect, it } from 'vitest';
import { requestAfter } from '../../../../../worker-node/operations/built-in/redirect.ts';
import { refusalOf } from '../../../support.ts';
import { answering, run, stopTargets, target } from './targets.ts';

afterEach(stopTargets);

describe('a redirect', () => {
  it('is returned as it is by default', async () => {
    const other = await target(answering(200));
    const { origin } = await target(answering(302, '', { location: other.origin }));
    const outcome = await run(`${origin},${other.origin}`, { url: origin });
    expect(outcome).toMatchObject({ kind: 'done', result: { status: 302 } });
    expect(other.hits).toEqual([]);
  });

  it('to a target that is not allowed is not followed', async () => {
    const other = await target(answering(200));
    const { origin, hits } = await target(answering(302, '', { location: `${other.origin}/secret` }));
    const outcome = await run(origin, { url: origin, maxRedirects: 5 });
    expect(outcome).toMatchObject({ kind: 'reject', code: 'target-refused' });
    expect(hits).toHaveLength(1);
    expect(other.hits).toEqual([]);
  });

  it.each([
    ['file:///etc/passwd', 'file:'],
    ['//169.254.169.254/', 'http://169.254.169.254'],
    ['http://127.1:1/', 'http://127.0.0.1:1'],
    ['gopher://127.0.0.1/', 'gopher:'],
    ['javascript:alert(1)', 'javascript:'],
    ['blob:http://127.0.0.1/x', 'blob:'],
  ])('to %s is not followed', async (location, to) => {
    const { origin } = await target(answering(307, '', { location }));
    const outcome = await run(origin, { url: origin, maxRedirects: 5 });
    expect(outcome).toMatchObject({
      kind: 'reject',
      code: 'target-refused',
      message: `${to} is not in HTTP_REQUEST_ALLOW of this worker`,
    });
  });

  it('in a circle ends', async () => {
    const { origin, hits } = await target(answering(302, '', { location: '/' }));
    const outcome = await run(origin, { url: origin, maxRedirects: 3 });
    expect(outcome).toMatchObject({ kind: 'reject', code: 'operation-rejected' });
    expect(hits).toHaveLength(4);
  });

  it.each([300, 304, 305, 306])('is not what status %i means', async (status) => {
    const { origin, hits } = await target(answering(status, '', { location: '/other' }));
    const outcome = await run(origin, { url: origin, maxRedirects: 5 });
    expect(outcome).toMatchObject({ kind: 'done', result: { status } });
    expect(hits).toHaveLength(1);
  });

  it('is followed whatever its body is, since nobody reads the body', async () => {
    const other = await target(answering(200, 'other'));
    const { origin } = await target(answering(302, Buffer.alloc(1024 * 1024), { location: other.origin }));
    const outcome = await run(`${origin},${other.origin}`, { url: origin, maxRedirects: 1 });
    expect(outcome).toMatchObject({ kind: 'done', result: { body: 'other' } });
  });

  it.each(['http://', 'http://a:99999/', 'http://[::1'])('to no URL fails: %s', async (location) => {
    const { origin } = await target(answering(302, '', { location }));
    expect(await run(origin, { url: origin, maxRedirects: 1 })).toMatchObject({
      kind: 'reject',
      code: 'operation-rejected',
    });
  });

  it.each<[string, string, string]>([
    ['UTF-8', Buffer.from('/grüße?ü').toString('latin1'), '/gr%C3%BC%C3%9Fe?%C3%BC'],
    ['Latin-1', '/grüße', '/gr%FC%DFe'],
    ['no charset at all', '/%C3%BC\xff', '/%C3%BC%FF'],
  ])('to a path in %s leads where the server says', async (_charset, location, path) => {
    const { origin, hits } = await target((request, response) => {
      if (request.url !== '/') return void response.end('ok');
      response.writeHead(302, { location }).end();
    });
    await run(origin, { url: origin, maxRedirects: 1 });
    expect(hits[1]?.path).toBe(path);
  });

  it('to a host in UTF-8 leads to that host', () => {
    const location = Buffer.from('http://bücher.example/').toString('latin1');
    const first = { url: new URL('http://a.example/'), method: 'GET', headers: {} };
    expect(requestAfter(first, 302, location).url.host).toBe('xn--bcher-kva.example');
  });
});

const SECRETS = {
  Authorization: 'Bearer secret',
  cookie: 'secret',
  'X-Api-Key': 'secret',
  'x-own': 'secret',
  REFERER: 'secret',
};
const HARMLESS = { Accept: 'text/html', 'accept-LANGUAGE': 'de', 'User-Agent': 'ours' };

describe('the request after a redirect', () => {
  it('to another origin has no header of the job but harmless ones', async () => {
    const other = await target(answering(200));
    const { origin } = await target(answering(307, '', { location: other.origin }));
    const headers = { ...SECRETS, ...HARMLESS, 'Content-Type': 'text/x' };
    const input = { url: origin, method: 'POST', headers, body: 'b', maxRedirects: 1 };
    await run(`${origin},${other.origin}`, input);
    expect(other.hits).toMatchObject([
      {
        method: 'POST',
        body: 'b',
        headers: {
          accept: 'text/html',
          'accept-language': 'de',
          'user-agent': 'ours',
          'content-type': 'text/x',
        },
      },
    ]);
    expect(JSON.stringify(other.hits)).not.toContain('secret');
  });

  it('on the same origin has all of them', async () => {
    const { origin, hits } = await target((request, response) => {
      if (request.url !== '/') return void response.end('ok');
      response.writeHead(301, { location: '/there' }).end();
    });
    await run(origin, { url: origin, headers: { ...SECRETS, ...HARMLESS }, maxRedirects: 1 });
    const [first, second] = hits;
    expect(second?.path).toBe('/there');
    expect(second?.headers).toEqual(first?.headers);
    expect(second?.headers).toMatchObject({ authorization: 'Bearer secret', 'x-api-key': 'secret' });
  });

  const request = (url: string, method = 'GET') => ({
    url: new URL(url),
    method,
    headers: { 'x-key': 'k', 'Content-Type': 'text/x', 'content-LANGUAGE': 'de' },
    body: 'b',
  });

  it.each([
    ['another port', 'http://a.example/', 'http://a.example:81/'],
    ['another host', 'http://a.example/', 'http://b.example/'],
    ['a name below', 'http://a.example/', 'http://b.a.example/'],
    ['another scheme', 'http://a.example/', 'https://a.example/'],
    ['a URL without its scheme', 'http://a.example/', '//b.example/'],
  ])('to %s has none of the job’s own headers', (_what, from, to) => {
    expect(requestAfter(request(from), 307, to).headers).not.toHaveProperty('x-key');
  });

  it.each(['http://a.example:80/x', '/x', '//A.example/x', 'http://a.example./x', '?q'])(
    'to the same origin, however it is written, keeps them: %s',
    (to) => {
      expect(requestAfter(request('http://a.example/'), 307, to).headers).toHaveProperty('x-key');
    },
  );

  it('never leads from https to http', async () => {
    const error = await refusalOf(() =>
      requestAfter(request('https://a.example/'), 302, 'http://a.example/'),
    );
    expect(error).toMatchObject({
      code: 'operation-rejected',
      message: 'the redirect leads from https to http',
    });
  });

  it.each<[number, string, string]>([
    [301, 'POST', 'GET'],
    [302, 'POST', 'GET'],
    [303, 'POST', 'GET'],
    [303, 'PUT', 'GET'],
    [303, 'DELETE', 'GET'],
  ])('after a %i to a %s is a %s without a body and its headers', (status, from, to) => {
    const { method, headers, body } = requestAfter(request('http://a.example/', from), status, '/x');
    expect({ method, headers, body }).toEqual({ method: to, headers: { 'x-key': 'k' }, body: undefined });
  });

  it.each<[number, string]>([
    [301, 'GET'],
    [301, 'HEAD'],
    [301, 'PUT'],
    [301, 'PATCH'],
    [301, 'DELETE'],
    [302, 'GET'],
    [302, 'HEAD'],
    [302, 'PUT'],
    [302, 'PATCH'],
    [302, 'DELETE'],
    [307, 'GET'],
    [307, 'HEAD'],
    [307, 'POST'],
    [307, 'PUT'],
    [308, 'GET'],
    [308, 'HEAD'],
    [308, 'POST'],
    [308, 'PUT'],
    [303, 'HEAD'],
  ])('after a %i to a %s keeps method and body', (status, from) => {
    const before = request('http://a.example/', from);
    const { method, headers, body } = requestAfter(before, status, '/x');
    expect({ method, headers, body }).toEqual({ method: from, headers: before.headers, body: 'b' });
  });
});
