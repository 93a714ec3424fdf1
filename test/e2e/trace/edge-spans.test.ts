import { beforeAll, describe, expect, it } from 'vitest';
import { SCHEMA_URL } from '../../../shared/trace/tracer.ts';
import { VERSION } from '../../../shared/version.ts';
import { type RawCollector, type ReceivedSpan, startRawCollector } from '../../support/http/raw-collector.ts';
import { startTestStack, type TestStack, withTestStack } from '../../support/stack.ts';

const SERVER = 2;
const ERROR = 2;

let collector: RawCollector;
let stack: TestStack;
beforeAll(async () => {
  collector = await startRawCollector();
  stack = await startTestStack({
    edge: {
      OTEL_EXPORTER_OTLP_ENDPOINT: collector.url,
      OTEL_RESOURCE_ATTRIBUTES: 'deployment.environment.name=staging,team=a%20b',
    },
  });
});

let requests = 0;

/** The SERVER span of a request that {@link send} sent. */
const serverSpan = (agent: string): Promise<ReceivedSpan> =>
  collector.waitForSpan(
    ({ kind, attributes }) => kind === SERVER && attributes['user_agent.original'] === agent,
  );

/** Sends a request, and waits for its span. */
async function send(path: string, init: RequestInit = {}): Promise<ReceivedSpan> {
  const agent = `it/${++requests}`;
  const headers = { ...Object.fromEntries(new Headers(init.headers)), 'user-agent': agent };
  const response = await stack.call(path, { ...init, headers });
  await response.arrayBuffer();
  return await serverSpan(agent);
}

describe('the SERVER span of a request', () => {
  // The test's workerd has no proxy before it that knows the version of the protocol.
  it('has the attributes of the HTTP conventions, with their types, and no others: no query', async () => {
    const body = JSON.stringify({ operation: 'echo', input: 1 });
    const headers = { 'content-type': 'application/json' };
    const { name, attributes, status } = await send('/v1/jobs?key=secret', { method: 'POST', headers, body });
    expect(name).toBe('POST /v1/jobs');
    const { port } = new URL(stack.url);
    expect(attributes).toEqual({
      'http.request.method': 'POST',
      'http.route': '/v1/jobs',
      'http.response.status_code': 400,
      'http.request.body.size': body.length,
      'url.scheme': 'http',
      'url.path': '/v1/jobs',
      'server.address': '127.0.0.1',
      'server.port': Number(port),
      'user_agent.original': `it/${requests}`,
      'throughline.trace.outcome': 'absent',
    });
    expect(status.code ?? 0).toBe(0);
  });

  it.each([
    ['GET', '/nothing/here', 404],
    ['DELETE', '/v1/jobs', 405],
    ['OPTIONS', '/v1/jobs', 204],
  ])('has no route where none matched: %s %s', async (method, path, code) => {
    const { name, attributes, status } = await send(path, { method });
    expect(name).toBe(method);
    expect(attributes).not.toHaveProperty(['http.route']);
    expect(attributes).not.toHaveProperty(['error.type']);
    expect(attributes['http.response.status_code']).toBe(code);
    expect(status.code ?? 0).toBe(0);
  });

  it('is no error for an answer below 500, and its route has no ids', async () => {
    const { name, attributes, status } = await send(`/v1/jobs/${crypto.randomUUID()}`);
    expect(name).toBe('GET /v1/jobs/:id');
    expect(attributes).toMatchObject({ 'http.route': '/v1/jobs/:id', 'http.response.status_code': 404 });
    expect(attributes).not.toHaveProperty(['error.type']);
    expect(status.code ?? 0).toBe(0);
  });

  it('bounds the text of the user agent', async () => {
    await (
      await stack.call('/v1/operations', { headers: { 'user-agent': 'y'.repeat(10_000) } })
    ).arrayBuffer();
    const span = await collector.waitForSpan(({ attributes }) =>
      String(attributes['user_agent.original']).startsWith('yyy'),
    );
    expect(String(span.attributes['user_agent.original'])).toHaveLength(256);
  });
});

describe('where spans come from', () => {
  it('is said by the resource: service, version, instance, environment and SDK', async () => {
    const { resource } = await send('/v1/operations');
    expect(resource).toMatchObject({
      'service.name': 'throughline-edge',
      'service.version': VERSION,
      'service.instance.id': expect.stringMatching(/^[0-9a-f-]{36}$/) as string,
      'deployment.environment.name': 'staging',
      team: 'a b',
      'telemetry.sdk.name': 'opentelemetry',
      'telemetry.sdk.language': 'nodejs',
      'telemetry.sdk.version': expect.stringMatching(/^2\./) as string,
      'process.runtime.name': 'workerd',
    });
    expect(
      collector.exports.flatMap(({ body }) => body.resourceSpans).map(({ schemaUrl }) => schemaUrl),
    ).toContain(SCHEMA_URL);
  });

  it('is said by the scope: each part of the edge has its own name, version and schema URL', async () => {
    await stack.run('echo', 1);
    const send = await collector.waitForSpan(({ name }) => name.startsWith('send '));
    const { scope } = await serverSpan(`it/${requests}`);
    expect(scope).toMatchObject({ name: 'throughline-edge', version: VERSION, schemaUrl: SCHEMA_URL });
    expect(send.scope).toMatchObject({ name: 'throughline-bridge', version: VERSION, schemaUrl: SCHEMA_URL });
    expect(send.resource).toMatchObject({
      'service.name': 'throughline-bridge',
      'service.version': VERSION,
      'deployment.environment.name': 'staging',
    });
  });
});

describe('a request to see how the edge is', () => {
  const PROBES = ['/healthz', '/readyz', '/metrics'];
  const sampled = (traceId: string) => ({ traceparent: `00-${traceId}-00f067aa0ba902b7-01` });

  it('is not recorded, even if its caller asks for it', async () => {
    const ids = PROBES.map((_, n) => `${n + 1}`.repeat(32));
    for (const [n, path] of PROBES.entries()) {
      const response = await stack.call(path, { headers: sampled(ids[n] ?? '') });
      expect(response.headers.get('traceresponse')).toMatch(new RegExp(`^00-${ids[n]}-[0-9a-f]{16}-00$`));
      await response.arrayBuffer();
      await (await stack.call(path)).arrayBuffer();
    }
    // The edge exports its spans in the order in which they ended.
    await send('/v1/operations');
    const paths = collector.spans().map(({ attributes }) => String(attributes['url.path']));
    expect(paths.filter((path) => PROBES.includes(path))).toEqual([]);
    expect(collector.spans().filter(({ traceId }) => ids.includes(traceId))).toEqual([]);
    expect(collector.spans().filter(({ name }) => /^bridge.status$/.test(name))).toEqual([]);
  });

  it('is recorded with TRACE_PROBES=true', async () => {
    const own = await startRawCollector();
    const probed = await withTestStack({
      edge: { OTEL_EXPORTER_OTLP_ENDPOINT: own.url, TRACE_PROBES: 'true' },
    });
    await (await probed.call('/healthz', { headers: sampled('7'.repeat(32)) })).arrayBuffer();
    const span = await own.waitForSpan(({ name }) => name === 'GET /healthz');
    expect(span.traceId).toBe('7'.repeat(32));
  });
});

describe('an answer of 500 or more', () => {
  it('is an error, whose type is the code of the problem', async () => {
    const { nats } = stack;
    await nats.stop();
    const { attributes, status } = await send(`/v1/jobs/${crypto.randomUUID()}`);
    expect(attributes).toMatchObject({
      'http.response.status_code': 503,
      'error.type': 'broker-unavailable',
    });
    expect(status).toEqual({ code: ERROR });
  });
});
