import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { callbackSecretsFor } from '../../shared/callback-secrets.ts';
import { createCallbackSecret } from '../../shared/text/secret.ts';
import { until } from '../support/poll.ts';
import { startTestStack, type TestStack } from '../support/stack.ts';
import { tenants } from '../support/tenants.ts';

/** A text that occurs nowhere else; its name says where it was put. */
const canary = (place: string): string => `canary-${place}-${'0123456789abcdef'.slice(0, 16)}`;

const PASSWORD = canary('nats-password');
const OTLP_KEY = canary('otlp-key');
const CALLBACK_SECRET = createCallbackSecret();

let stack: TestStack;
let key: string;
let call: (path: string, init?: RequestInit) => Promise<Response>;
/** Problem documents and other texts about the system, not about one job. */
const problems: string[] = [];

const target = createServer((request, response) => {
  response.statusCode = request.url?.startsWith('/fails') ? 500 : 200;
  response.end('ok');
});
let origin: string;

beforeAll(async () => {
  await new Promise<void>((resolve) => {
    target.listen(0, '127.0.0.1', resolve);
  });
  origin = `http://127.0.0.1:${(target.address() as AddressInfo).port}`;
  const { callers, API_KEYS } = await tenants('acme');
  key = callers.acme.key;
  const credentials = { NATS_USER: 'throughline', NATS_PASSWORD: PASSWORD };
  const tracing = { OTEL_EXPORTER_OTLP_HEADERS: `x-api-key=${OTLP_KEY}`, LOG_LEVEL: 'debug' };
  stack = await startTestStack({
    debug: true,
    operationsFolder: 'test/fixtures/operations',
    natsConfig: `authorization { user: throughline, password: "${PASSWORD}" }`,
    edge: { API_KEYS, ...credentials, ...tracing },
    worker: {
      ...credentials,
      ...tracing,
      HTTP_REQUEST_ALLOW: origin,
      CALLBACK_ALLOW: origin,
      CALLBACK_SECRET,
    },
  });
  call = (path, init) => callers.acme.call(stack.url, path, init);
});

afterAll(async () => {
  target.closeAllConnections();
  await new Promise((resolve) => target.close(resolve));
});

/** Sends a job with a canary in every part. */
async function send(body: unknown, headers: Record<string, string> = {}, path = '/v1/jobs'): Promise<void> {
  const response = await call(path, {
    method: 'POST',
    headers: {
      'content-type': 'application/json',
      prefer: 'wait=30',
      traceparent: `00-${'ab'.repeat(16)}-${'cd'.repeat(8)}-01`,
      baggage: `session=${canary('baggage')},${canary('baggage-key')}=1`,
      cookie: canary('cookie'),
      'x-forwarded-authorization': canary('header'),
      ...headers,
    },
    body: typeof body === 'string' ? body : JSON.stringify(body),
  });
  await note(response);
}

async function note(response: Response): Promise<void> {
  const text = await response.text();
  if (response.headers.get('content-type') === 'application/problem+json') problems.push(text);
}

describe('a secret', () => {
  it('A23: that came in anywhere comes out nowhere: not in logs, spans, problems, metrics or health', async () => {
    const secret = canary('input');
    await send({ operation: 'echo', input: { secret } }, { 'idempotency-key': canary('key') });
    await send({ operation: 'echo', input: { other: secret } }, { 'idempotency-key': canary('key') });
    await send({ operation: 'test.mode', input: { mode: 'reject', gate: secret } });
    await send({ operation: 'test.mode', input: { mode: secret } });
    await send({ operation: 'http.request', input: { url: secret, method: secret, maxRedirects: secret } });
    await send(`{"operation":"echo","input":"${secret}`);
    // The answer names the wrong field to its sender. No other answer does.
    await stack.call('/v1/jobs', {
      method: 'POST',
      headers: { authorization: `Bearer ${key}`, 'content-type': 'application/json' },
      body: JSON.stringify({ operation: 'http.request', input: { [canary('name')]: 1 } }),
    });
    for (const url of [
      `${origin}/works?token=${canary('url-query')}`,
      `${origin}/fails?token=${canary('url-query')}`,
      `http://user:${canary('url-password')}@127.0.0.1:1/`,
      `http://127.0.0.1:1/?token=${canary('url-query')}`,
    ]) {
      const headers = { authorization: `Bearer ${canary('request-header')}` };
      const input = { url, headers, method: 'POST', body: secret };
      await send({ operation: 'http.request', input, maxAttempts: 1 });
    }
    await send({
      operation: 'test.mode',
      input: { mode: 'http', url: `${origin}/?t=${canary('url-query')}` },
    });
    for (const path of ['works', 'fails'])
      await send({
        operation: 'echo',
        input: secret,
        callback: { url: `${origin}/${path}?t=${canary('url-query')}` },
      });
    for (const said of ['callback delivered', 'callback not delivered yet'])
      await until(said, () => stack.logs().some(({ msg }) => msg === said));
    await send({ operation: 'echo', input: 1 }, { authorization: `Bearer ${key}${canary('key')}` });
    await send({ operation: 'echo', input: 1 }, { authorization: `Basic ${canary('basic')}` });
    await send({ jobs: [{ operation: 'echo', input: secret, delay: 'soon' }] }, {}, '/v1/jobs/batch');
    await note(await call(`/v1/operations?api_key=${canary('query')}`));
    await note(await call(`/v1/dead-letters?limit=1000&token=1`));
    const last = await fetch(`${stack.url}/nowhere?api_key=${key}`);
    await note(last);

    for (const url of [stack.url, stack.worker.healthUrl]) {
      for (const path of ['/healthz', '/readyz', '/metrics'])
        problems.push(await (await fetch(`${url}${path}`)).text());
    }
    const [, lastTrace = ''] = last.headers.get('traceresponse')?.split('-') ?? [];
    await stack.collector.waitForSpans(lastTrace, (spans) => spans.length > 0, 60_000);
    await stack.stop();
    const outputs = {
      log: stack.lines.join('\n'),
      spans: JSON.stringify(stack.collector.allSpans()),
      answers: problems.join('\n'),
    };
    expect(outputs.log).toContain('process jobs.{priority}.{lane}.{tenant}.{jobId}.echo');
    expect(outputs.spans).toContain('process jobs.{priority}.{lane}.{tenant}.{jobId}.http.request');
    expect(problems.length).toBeGreaterThan(10);
    const derived = await callbackSecretsFor('acme', { CALLBACK_SECRET });
    expect(derived).toHaveLength(1);
    for (const [name, text] of Object.entries(outputs)) {
      // With the text around it, so that a failure shows where to look.
      expect([name, ...text.matchAll(/.{0,200}canary-.{0,40}/g)].map(String)).toEqual([name]);
      for (const secret of [key, CALLBACK_SECRET, ...derived])
        expect([name, text.includes(secret)]).toEqual([name, false]);
    }
  });
});
