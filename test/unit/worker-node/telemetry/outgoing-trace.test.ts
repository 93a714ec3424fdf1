import { ClientRequest, type OutgoingHttpHeaders } from 'node:http';
import { ROOT_CONTEXT } from '@opentelemetry/api';
import { beforeEach, describe, expect, it } from 'vitest';
import { extract, fromRecord } from '../../../../shared/propagation/index.ts';
import { OutgoingTrace } from '../../../../worker-node/telemetry/outgoing-trace.ts';

const CALLER = {
  traceparent: '00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01',
  tracestate: 'vendor=1',
  baggage: 'user=ann',
};
const { context } = extract(fromRecord(CALLER));
const asked: string[] = [];
const trace = new OutgoingTrace(({ origin }) => {
  asked.push(origin);
  return origin.endsWith('trusted.test');
});

function injected(from = context): Record<string, string> {
  const headers: Record<string, string> = {};
  trace.inject(from, headers, {
    set: (carrier, name, value) => Object.assign(carrier as object, { [name]: value }),
  });
  return headers;
}

beforeEach(() => {
  asked.length = 0;
});

describe('a request of an HTTP client', () => {
  it.each([
    ['undici', { origin: 'https://a.test' }, 'https://a.test'],
    ['undici, a URL', { origin: new URL('https://a.test:8443/x') }, 'https://a.test:8443'],
    ['node, a URL', { protocol: 'https:', hostname: 'a.test', port: '', host: 'a.test' }, 'https://a.test'],
    ['node, options', { host: 'a.test', port: 8080 }, 'http://a.test:8080'],
    [
      'node, a host with its port',
      { host: 'a.test:8080', port: '8080', protocol: 'http:' },
      'http://a.test:8080',
    ],
    ['node, IPv6', { host: '::1', port: 8080 }, 'http://[::1]:8080'],
    ['node, IPv6 of a URL', { hostname: '[::1]', port: 8080, protocol: 'http:' }, 'http://[::1]:8080'],
    [
      'node, the port of the protocol',
      { protocol: 'https:', hostname: 'a.test', port: 443 },
      'https://a.test',
    ],
  ])('is known by its origin: %s', (_what, request, origin) => {
    trace.beforeRequest(request);
    expect(injected()).toEqual({ traceparent: CALLER.traceparent });
    expect(asked).toEqual([origin]);
  });

  it('carries all three fields to an origin that is trusted with them', () => {
    trace.beforeRequest({ hostname: 'trusted.test' });
    expect(injected()).toEqual(CALLER);
  });

  it('carries one field of a name, also if its author has set it', () => {
    const headers = ['Accept', '*/*', 'TraceParent', 'x', 'baggage', 'own=1', 'traceparent', 'y'];
    trace.beforeRequest({ hostname: 'a.test', headers });
    injected();
    expect(headers).toEqual(['Accept', '*/*', 'baggage', 'own=1']);
  });

  it.each([
    ['in turns', ['A', '1', 'b', '2', 'a', '3']],
    [
      'in pairs',
      [
        ['A', '1'],
        ['b', '2'],
        ['a', '3'],
      ],
    ],
    ['in turns, with several values', ['A', ['1', '3'], 'b', '2']],
    [
      'in pairs, with several values',
      [
        ['A', ['1', '3']],
        ['b', '2'],
      ],
    ],
  ])('of Node that has a list of headers %s keeps them', (_what, headers) => {
    const request = { hostname: 'a.test', headers: headers as unknown };
    trace.beforeNodeRequest(request);
    expect(request.headers).toEqual({ A: ['1', '3'], b: '2' });
  });

  it('of Node whose list of headers ends with a name is refused, as Node does without spans', () => {
    const request = { hostname: 'a.test', headers: ['a', '1', 'b'] as unknown };
    trace.beforeNodeRequest(request);
    const headers = request.headers as OutgoingHttpHeaders;
    expect(() => new ClientRequest({ hostname: '127.0.0.1', headers })).toThrow('header "b"');
  });

  it('of Node whose headers cannot be read gets no baggage if its target is not trusted', () => {
    const headers = [['a', '1'], 7];
    expect(() => trace.beforeNodeRequest({ hostname: 'a.test', headers })).toThrow(TypeError);
    expect(injected()).toEqual({ traceparent: CALLER.traceparent });
  });

  it('to an unknown target carries traceparent only', () => {
    trace.beforeRequest({});
    expect(injected()).toEqual({ traceparent: CALLER.traceparent });
  });

  it('without a trace carries nothing', () => {
    trace.beforeRequest({});
    expect(injected(ROOT_CONTEXT)).toEqual({});
  });

  it('says nothing about what is injected after it', () => {
    trace.beforeRequest({ hostname: 'a.test' });
    injected();
    expect(injected()).toEqual(CALLER);
  });
});

it('what an author fills carries all three fields', () => {
  expect(injected()).toEqual(CALLER);
});
