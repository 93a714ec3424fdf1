import { describe, expect, it } from 'vitest';
import { edgeConfig } from '../../../edge/config.ts';
import { readRequestContext } from '../../../edge/http/request-context.ts';
import { ACCESS_SCOPES, createApiKey, hashApiKey } from '../../../shared/api/access.ts';
import { edgeEnv } from '../support/edge-env.ts';

const KEY = createApiKey('ci');
const TRACEPARENT = '00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01';

async function requestContext(headers: Record<string, string>, TRACE_TRUST = 'authenticated') {
  const API_KEYS = JSON.stringify([{ id: 'ci', tenant: 'acme', hash: await hashApiKey(KEY) }]);
  const config = edgeConfig(edgeEnv({ API_KEYS, TRACE_TRUST }));
  return await readRequestContext(new Request('https://edge.example/v1/jobs', { headers }), config, {
    waitUntil: () => undefined,
  });
}

describe('the request context', () => {
  it.each(['Bearer', 'bearer', 'BEARER'])('has the identity of a key after the word %s', async (scheme) => {
    const { identity } = await requestContext({ authorization: `${scheme} ${KEY}` });
    expect(identity).toEqual({ tenant: 'acme', keyId: 'ci', scopes: new Set(ACCESS_SCOPES) });
  });

  it.each<[string, Record<string, string>]>([
    ['no header', {}],
    ['no scheme', { authorization: KEY }],
    ['another scheme', { authorization: `Basic ${btoa(`x:${KEY}`)}` }],
    ['no key', { authorization: 'Bearer ' }],
    ['two keys', { authorization: `Bearer ${KEY} ${KEY}` }],
    ['a key with more behind it', { authorization: `Bearer ${KEY}x` }],
    ['a key that nobody has', { authorization: `Bearer ${createApiKey('ci')}` }],
    ['a key in another header', { 'x-api-key': KEY }],
    ['10 kB', { authorization: `Bearer ${'x'.repeat(10_000)}` }],
  ])('has no identity with %s', async (_what, headers) => {
    expect((await requestContext(headers)).identity).toBeUndefined();
  });

  it('is trusted as TRACE_TRUST says', async () => {
    const trusted = (headers: Record<string, string>, trust: string) =>
      requestContext({ traceparent: TRACEPARENT, ...headers }, trust).then((it) => it.trusted);
    const known = { authorization: `Bearer ${KEY}` };
    expect(await trusted(known, 'authenticated')).toBe(true);
    expect(await trusted({}, 'authenticated')).toBe(false);
    expect(await trusted({}, 'all')).toBe(true);
    expect(await trusted(known, 'none')).toBe(false);
  });

  it.each([
    ['continued', TRACEPARENT],
    ['absent', undefined],
    ['invalid', `${TRACEPARENT}-extra`],
  ])('has a trace context that is %s', async (outcome, traceparent) => {
    const { extraction } = await requestContext(traceparent === undefined ? {} : { traceparent });
    expect(extraction.outcome).toBe(outcome);
  });
});
