import { randomBytes } from 'node:crypto';
import type { StoredMsg } from '@nats-io/jetstream';
import { beforeAll, describe, expect, it } from 'vitest';
import { Job } from '../../shared/job/job.ts';
import { shortName } from '../../shared/trace/short-name.ts';
import { submitRaw } from '../support/http/raw-http.ts';
import { storedMessage } from '../support/nats/stored.ts';
import { startTestStack, type TestStack, withTestStack } from '../support/stack.ts';
import { type Caller, tenants } from '../support/tenants.ts';

const hex = (bytes: number): string => randomBytes(bytes).toString('hex');
const sampled = (traceId = hex(16)): string => `00-${traceId}-${hex(8)}-01`;

/** All header names that a delayed job may have. */
const WRITTEN = [
  'Nats-Msg-Id',
  'Nats-Rollup',
  'Nats-Schedule',
  'Nats-Schedule-TTL',
  'Nats-Schedule-Target',
  'baggage',
  'ce-datacontenttype',
  'ce-id',
  'ce-source',
  'ce-specversion',
  'ce-time',
  'ce-type',
  'content-type',
  'throughline-due-at',
  'throughline-max-attempts',
  'traceparent',
  'tracestate',
];

let stack: TestStack;
let acme: Caller;
let globex: Caller;
beforeAll(async () => {
  const { callers, API_KEYS } = await tenants('acme', 'globex');
  ({ acme, globex } = callers);
  // Records nothing by itself, so every recorded span was asked for by a caller.
  const sampler = { OTEL_TRACES_SAMPLER: 'parentbased_traceidratio', OTEL_TRACES_SAMPLER_ARG: '0' };
  stack = await startTestStack({ edge: { API_KEYS, ...sampler } });
});

/** Submits a delayed job, so that its message can be read. */
async function messageWith(
  headers: Record<string, string>,
  to: TestStack = stack,
  caller: Caller = acme,
): Promise<StoredMsg> {
  const body = { operation: 'echo', input: 1, delay: '1h' };
  const response = await caller.submit(to.url, body, headers);
  expect(response.status).toBe(202);
  const { id } = Job.parse(await response.json());
  return await storedMessage(to, 'DELAYED', `delayed.*.*.acme.${id}.echo`);
}

const headerOf = (message: StoredMsg, name: string): string => message.header.get(name);

describe('a trace context of a stranger', () => {
  it('A5: records nothing, however often it asks for that; the context of a caller with a key does', async () => {
    const forged = Array.from({ length: 500 }, () => hex(16));
    for (let start = 0; start < forged.length; start += 50) {
      await Promise.all(
        forged.slice(start, start + 50).map(async (traceId, n) => {
          const key: Record<string, string> = n % 2 === 0 ? {} : { authorization: 'Bearer tl_x_nobody' };
          const headers = { traceparent: sampled(traceId), tracestate: 'a=b', baggage: 'a=b', ...key };
          const response = await fetch(`${stack.url}/v1/operations`, { headers });
          expect(response.status).toBe(401);
          expect(response.headers.get('traceresponse')).not.toContain(traceId);
          await response.arrayBuffer();
        }),
      );
    }
    const traceId = hex(16);
    await acme.call(stack.url, '/v1/operations', { headers: { traceparent: sampled(traceId) } });
    await stack.collector.waitForSpans(traceId, (spans) => spans.length > 0, 60_000);
    // The edge exports all its spans together, so spans of strangers would have come with these.
    const ofEdge = stack.collector.allSpans().filter(({ service }) => service === 'throughline-edge');
    expect(new Set(ofEdge.map((span) => span.traceId))).toEqual(new Set([traceId]));
  });

  it('A6: starts a new trace with a link where no caller is trusted, without its tracestate and baggage', async () => {
    const { callers, API_KEYS } = await tenants('acme');
    const own = await withTestStack({ edge: { API_KEYS, TRACE_TRUST: 'none' } });
    const victim = hex(16);
    const headers = { traceparent: sampled(victim), tracestate: 'a=b', baggage: 'a=b' };
    const message = await messageWith(headers, own, callers.acme);
    const traceId = headerOf(message, 'traceparent').split('-')[1] ?? '';
    expect(traceId).not.toBe(victim);
    expect([headerOf(message, 'tracestate'), headerOf(message, 'baggage')]).toEqual(['', '']);
    const spans = await own.collector.waitForSpans(
      traceId,
      (all) => all.some(({ kind }) => kind === 'SERVER'),
      60_000,
    );
    expect(spans.find(({ kind }) => kind === 'SERVER')?.links).toMatchObject([{ traceId: victim }]);
    expect(own.collector.spans(victim)).toEqual([]);
  });
});

describe('a trace id that two tenants send at the same time', () => {
  it('A6: stays apart: the spans of each job are connected, and name its own tenant', async () => {
    const traceId = hex(16);
    const requests = Array.from({ length: 40 }, (_, n) => ({
      caller: n % 2 === 0 ? acme : globex,
      tenant: n % 2 === 0 ? 'acme' : 'globex',
      spanId: hex(8),
    }));
    const jobs = await Promise.all(
      requests.map(async ({ caller, spanId }) => {
        const headers = { traceparent: `00-${traceId}-${spanId}-01`, prefer: 'wait=30' };
        const response = await caller.submit(stack.url, { operation: 'echo', input: spanId }, headers);
        return Job.parse(await response.json());
      }),
    );
    expect(jobs.map(({ result }) => result)).toEqual(requests.map(({ spanId }) => spanId));
    const isOf =
      (name: string, id: string) => (span: { name: string; attributes: Record<string, unknown> }) =>
        shortName(span) === name && Object.entries(span.attributes).some(([, value]) => value === id);
    const names = ['send echo', 'process echo'] as const;
    const spans = await stack.collector.waitForSpans(
      traceId,
      (all) =>
        jobs.every(({ id }) => names.every((name) => all.some(isOf(name, id)))) &&
        all.filter(({ kind }) => kind === 'SERVER').length === jobs.length,
      60_000,
    );
    const parentOf = (span: (typeof spans)[number] | undefined) =>
      spans.find(({ spanId }) => spanId === span?.parentSpanId);
    for (const [place, { id }] of jobs.entries()) {
      const [send, process] = names.map((name) => spans.find(isOf(name, id)));
      for (const span of [send, process]) {
        expect(span?.attributes['throughline.job.tenant']).toBe(requests[place]?.tenant);
      }
      expect(process?.parentSpanId).toBe(send?.spanId);
      const server = parentOf(parentOf(send));
      expect([server?.kind, server?.parentSpanId]).toEqual(['SERVER', requests[place]?.spanId]);
    }
  });
});

describe('the headers of a job’s message', () => {
  it.each([
    ['flags ff', (id: string) => `00-${id}-${hex(8)}-ff`, true],
    ['flags fe', (id: string) => `00-${id}-${hex(8)}-fe`, true],
    ['version cc', (id: string) => `cc-${id}-${hex(8)}-01`, true],
    ['version cc and more', (id: string) => `cc-${id}-${hex(8)}-01-what-will-be`, true],
    ['version ff', (id: string) => `ff-${id}-${hex(8)}-01`, false],
    ['more than version 00 knows', (id: string) => `00-${id}-${hex(8)}-01-x`, false],
    ['flags of one digit', (id: string) => `00-${id}-${hex(8)}-1`, false],
    ['uppercase digits', (id: string) => `00-${id.replace(/^../, 'AB')}-${hex(8)}-01`, false],
    ['a span id of zeros', (id: string) => `00-${id}-${'0'.repeat(16)}-01`, false],
    ['10 kB', (id: string) => `cc-${id}-${hex(8)}-01-${'x'.repeat(10_000)}`, false],
  ])(
    'A7: from a traceparent with %s have one of version 00 with two digits of flags',
    async (_what, make, goesOn) => {
      const id = hex(16);
      const traceparent = headerOf(await messageWith({ traceparent: make(id) }), 'traceparent');
      expect(traceparent).toMatch(/^00-[0-9a-f]{32}-[0-9a-f]{16}-0[0-3]$/);
      expect(traceparent.includes(id)).toBe(goesOn);
    },
  );

  it('A8: from two traceparents have neither', async () => {
    const first = sampled();
    const second = sampled();
    const lines = [`traceparent: ${first}`, `TraceParent: ${second}`];
    const answer = await submitRaw(stack.url, acme.key, ...lines);
    expect(answer).toMatch(/^HTTP\/1\.1 202 /);
    for (const one of [first, second]) expect(answer).not.toContain(one.split('-')[1]);
  });

  it.each([
    ['33 members', Array.from({ length: 33 }, (_, n) => `k${n}=v`).join(',')],
    ['10 kB', Array.from({ length: 30 }, (_, n) => `k${n}=${'v'.repeat(330)}`).join(',')],
    ['a line break in disguise', 'a=b%0d%0aNats-Rollup: all,c=d=e'],
  ])('A9: from a tracestate with %s have none, and the trace continues', async (_what, tracestate) => {
    const id = hex(16);
    const message = await messageWith({ traceparent: sampled(id), tracestate });
    expect(headerOf(message, 'tracestate')).toBe('');
    expect(headerOf(message, 'traceparent')).toContain(id);
  });

  it('A9: from a long tracestate have whole members, at most 512 characters', async () => {
    const members = Array.from({ length: 32 }, (_, n) => `k${n}=${'v'.repeat(n * 8)}`).filter(
      (m) => !m.endsWith('='),
    );
    const message = await messageWith({ traceparent: sampled(), tracestate: members.join(',') });
    const sent = headerOf(message, 'tracestate').split(',');
    expect(sent.join(',').length).toBeLessThanOrEqual(512);
    expect(sent.length).toBeGreaterThan(3);
    for (const member of sent) expect(members).toContain(member);
  });

  it.each([
    ['65 members', Array.from({ length: 65 }, (_, n) => `k${n}=v`)],
    ['20 kB', Array.from({ length: 60 }, (_, n) => `k${n}=${'v'.repeat(330)}`)],
    ['60 kB', Array.from({ length: 60 }, (_, n) => `k${n}=${'v'.repeat(1_000)}`)],
    ['2,000 members', Array.from({ length: 2_000 }, (_, n) => `k${n}=v`)],
  ])('A9: from a baggage of %s have whole members, at most 64 and 8,192 bytes', async (_what, members) => {
    const message = await messageWith({ traceparent: sampled(), baggage: members.join(',') });
    const sent = headerOf(message, 'baggage').split(',');
    expect(sent.length).toBeLessThanOrEqual(64);
    expect(sent.join(',').length).toBeLessThanOrEqual(8_192);
    expect(sent).toEqual(members.slice(0, sent.length));
    expect(sent.length).toBeGreaterThan(7);
  });

  it('A10, A11: from hostile headers have only our names, and the values are data', async () => {
    const message = await messageWith({
      traceparent: sampled(),
      tracestate: 'a=%0d%0aNats-Rollup: all',
      baggage: 'a=x%0d%0aNats-TTL:%201,__proto__=1,constructor=2,tenant=globex,b=%00%E2%80%A8',
      'nats-rollup': 'all',
      'nats-ttl': '1s',
      'nats-expected-stream': 'NOBODYS',
      'nats-msg-id': 'forged',
      'ce-type': 'forged',
      'throughline-redrive-count': '7',
      'throughline-published-again': 'true',
    });
    expect(WRITTEN).toEqual(expect.arrayContaining(message.header.keys()));
    // Written by the server for a schedule.
    expect(headerOf(message, 'Nats-Rollup')).toBe('sub');
    expect(headerOf(message, 'Nats-Msg-Id')).toBe(headerOf(message, 'ce-id'));
    expect(headerOf(message, 'ce-type')).toBe('dev.throughline.job.submitted');
    const members = headerOf(message, 'baggage').split(',');
    expect(members).toEqual([
      'a=x%0D%0ANats-TTL:%201',
      '__proto__=1',
      'constructor=2',
      'tenant=globex',
      'b=%00%E2%80%A8',
    ]);
    expect(message.subject).toMatch(/^delayed\.normal\.[pb][0-3]\.acme\./);
  });
});
