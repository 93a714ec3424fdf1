import { describe, expect, it } from 'vitest';
import { methodOf, requestAttributes } from '../../../edge/telemetry/server-attributes.ts';

/** A request as workerd gives it. */
function request(url: string, init: RequestInit = {}, cf: Record<string, unknown> = {}): Request {
  return Object.assign(new Request(url, init), { cf }) as unknown as Request;
}

describe('the attributes of a request', () => {
  it('are those of the conventions, with their types', () => {
    const headers = { 'user-agent': 'curl/8', 'content-length': '12', 'content-type': 'application/json' };
    const init = { method: 'POST', headers };
    expect(
      requestAttributes(
        request('http://api.test:8787/v1/jobs?key=secret', init, { httpProtocol: 'HTTP/1.1' }),
      ),
    ).toEqual({
      'http.request.method': 'POST',
      'url.scheme': 'http',
      'url.path': '/v1/jobs',
      'server.address': 'api.test',
      'server.port': 8787,
      'network.protocol.version': '1.1',
      'http.request.body.size': 12,
      'user_agent.original': 'curl/8',
    });
  });

  it.each([
    ['https://api.test/', 'api.test', 443],
    ['http://api.test/', 'api.test', 80],
    ['https://[::1]:8443/', '::1', 8443],
  ])('name address and port of the server apart: %s', (url, address, port) => {
    expect(requestAttributes(request(url))).toMatchObject({ 'server.address': address, 'server.port': port });
  });

  it.each(['api.test:99999', '1.2.3.999'])('name a server as the caller does, if no URL can: %s', (host) => {
    // Node refuses such a URL; workerd gives it as the caller wrote it.
    const given = { ...request('http://api.test/'), url: `http://${host}/v1/jobs`, headers: new Headers() };
    expect(requestAttributes(given as unknown as Request)).toMatchObject({
      'url.scheme': 'http',
      'url.path': '/v1/jobs',
      'server.address': host,
    });
  });

  it.each([
    ['HTTP/2', '2'],
    ['HTTP/3', '3'],
    ['HTTP/1.0', '1.0'],
    ['SPDY', undefined],
    ['', undefined],
    [undefined, undefined],
    [1, undefined],
  ])('have the version of the protocol alone: %s', (httpProtocol, version) => {
    expect(requestAttributes(request('http://x/', {}, { httpProtocol }))['network.protocol.version']).toBe(
      version,
    );
  });

  it.each(['', '-1', '1.5', '1e3', 'x', '9'.repeat(30)])(
    'have no size for a content-length that is no size: %j',
    (size) => {
      expect(
        requestAttributes(request('http://x/', { headers: { 'content-length': size } })),
      ).not.toHaveProperty(['http.request.body.size']);
    },
  );

  it('have nothing empty', () => {
    const values = Object.values(requestAttributes(request('http://x/?', { headers: { 'user-agent': '' } })));
    expect(values.filter((value) => value === '' || value === undefined)).toEqual([]);
  });

  it('have the ray of Cloudflare, if there is one', () => {
    const headers = { 'cf-ray': '8f-FRA' };
    expect(requestAttributes(request('http://x/', { headers }))).toMatchObject({
      'faas.invocation_id': '8f-FRA',
    });
  });
});

it('a method that no convention knows is _OTHER, and stands beside it', () => {
  const purge = request('http://x/', { method: 'PURGE' });
  expect(methodOf(purge)).toBe('_OTHER');
  expect(requestAttributes(purge)).toMatchObject({
    'http.request.method': '_OTHER',
    'http.request.method_original': 'PURGE',
  });
});
