import { describe, expect, it } from 'vitest';
import { OpenBodies } from '../../../edge/access/open-bodies.ts';
import { RequestLimits } from '../../../edge/access/request-limits.ts';
import { PlaceSeal } from '../../../edge/calls/place-seal.ts';
import { edgeConfig } from '../../../edge/config.ts';
import { createApp } from '../../../edge/http/app.ts';
import openApi from '../../../edge/http/docs/openapi.json' with { type: 'json' };
import type { AppBindings } from '../../../edge/http/edge-app.ts';
import { InputRulesCache } from '../../../edge/http/input-rules-cache.ts';
import { readRequestContext } from '../../../edge/http/request-context.ts';
import { createApiKey, hashApiKey } from '../../../shared/api/access.ts';
import { inject } from '../../../shared/propagation/index.ts';
import { edgeEnv } from '../support/edge-env.ts';
import { job } from './app-support.ts';

type Json = Readonly<Record<string, unknown>>;

interface Sent {
  readonly query?: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: Json | undefined;
}

const KEY = createApiKey('ci');
const JOB = { operation: 'echo', input: 1 };
const UNIQUE = { ...JOB, unique: { key: 'k', while: 'running' } };
const SCHEDULE = { ...JOB, cron: '0 6 * * *' };
const JOB_CURSOR = btoa('1700000000000.job-1').replaceAll('=', '');
const TRACEPARENT = '00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01';
const NO_LOG = {
  debug: () => undefined,
  info: () => undefined,
  warn: () => undefined,
  error: () => undefined,
};

async function config() {
  const keys = [{ id: 'ci', tenant: 'acme', hash: await hashApiKey(KEY) }];
  return edgeConfig(edgeEnv({ API_KEYS: JSON.stringify(keys) }));
}

/** Sends a request to the app. What it asks of bridge, index and schedules, its trace context and its answer are its effect. */
async function effectOf(method: string, path: string, { query = '', headers = {}, body }: Sent) {
  const settings = await config();
  const asked: unknown[] = [];
  const answers: Readonly<Record<string, unknown>> = {
    submit: { outcome: 'submitted', job: job({ state: 'succeeded' }), replayed: false },
    submitBatch: [],
    cancel: { job: job({ state: 'cancelled' }), tooLate: false },
    redrive: { job: job() },
    history: { events: [] },
    watch: null,
    read: job(),
    retryRejected: job(),
    removeRejected: {},
    tenantUsage: [],
    deadLetter: {},
    outbox: [],
    operations: [],
    status: [],
    list: { jobs: [], complete: true },
    deadLetters: { deadLetters: [] },
    redriveMany: { redriven: [], failed: [] },
    tryOut: { outcome: 'passed' },
    put: { schedule: { links: { self: '/v1/schedules/job-1' } }, created: true },
    remove: true,
    pause: {},
    trigger: { job: job(), replayed: false },
    cancelMany: [],
  };
  const fake = new Proxy(answers, {
    get: (known, name) =>
      typeof name === 'string' && name !== 'region'
        ? async (...args: unknown[]) => {
            asked.push(name, ...args);
            return known[name];
          }
        : undefined,
  });
  const request = new Request(`https://edge.example${path.replace(/\{(?:id|name)\}/, 'job-1')}${query}`, {
    method,
    headers: {
      authorization: `Bearer ${KEY}`,
      ...(body === undefined ? {} : { 'content-type': 'application/json' }),
      ...headers,
    },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  });
  const requestContext = await readRequestContext(request, settings, { waitUntil: () => undefined });
  const seal = new PlaceSeal(settings);
  const inputRules = new InputRulesCache();
  const scope = {
    config: settings,
    log: NO_LOG,
    audit: () => undefined,
    bridge: fake,
    index: fake,
    schedules: fake,
    seal,
    inputRules,
    requestContext,
    requestLimits: new RequestLimits(settings),
    openBodies: new OpenBodies(),
  };
  const response = await createApp().fetch(request, scope as unknown as AppBindings);
  const carrier = inject(requestContext.extraction.context);
  // A new id and the time differ from request to request.
  const effect = JSON.stringify([asked, response.status, [...response.headers], carrier])
    .replaceAll(/"[0-9a-f]{8}-[0-9a-f-]{27}"/g, '"new id"')
    .replaceAll(/"acceptedAt":"[^"]+"/g, '');
  return { effect, status: response.status, text: await response.text() };
}

/** How each parameter of the document is sent, where a value alone does not show its effect. */
async function sentWith(name: string, path: string): Promise<Sent> {
  const seal = new PlaceSeal(await config());
  const eventId = await seal.seal('events acme job-1', 7);
  const cursors: Readonly<Record<string, string>> = {
    '/v1/jobs': JOB_CURSOR,
    '/v1/dead-letters': await seal.seal('dead acme', 7),
    '/v1/schedules': btoa('after:nightly').replaceAll('=', ''),
  };
  const queries: Readonly<Record<string, string>> = {
    state: 'failed',
    operation: 'echo',
    tag: 'night',
    limit: '7',
    cursor: cursors[path] ?? '',
    after: eventId,
  };
  const value = queries[name];
  if (value !== undefined) return { query: `?${name}=${value}` };
  const headers: Readonly<Record<string, Json>> = {
    'Idempotency-Key': { 'idempotency-key': 'order-7' },
    Prefer: { prefer: 'wait=7' },
    'Last-Event-ID': { 'last-event-id': eventId },
    traceparent: { traceparent: TRACEPARENT },
    tracestate: { traceparent: TRACEPARENT, tracestate: 'a=1' },
    baggage: { baggage: 'plan=pro' },
    'If-None-Match': { 'if-none-match': '*' },
  };
  return { headers: (headers[name] ?? {}) as Record<string, string> };
}

const operations = Object.entries<Record<string, Json>>(openApi.paths).flatMap(([path, methods]) =>
  Object.entries(methods).map(([method, value]) => ({ method: method.toUpperCase(), path, value })),
);
const parameters = operations.flatMap(({ method, path, value }) =>
  ((value.parameters ?? []) as Json[]).flatMap((listed) => {
    const [, , , name = ''] = String(listed.$ref ?? '').split('/');
    const known = (openApi.components.parameters as Readonly<Record<string, Json>>)[name] ?? listed;
    return known.in === 'path' ? [] : [{ method, path, name: String(known.name) }];
  }),
);

const SCHEDULES = '/v1/schedules/{name}';

function goodBody(path: string): Json | undefined {
  if (path === '/v1/jobs/batch') return { jobs: [JOB] };
  if (path === SCHEDULES) return SCHEDULE;
  return path === '/v1/dead-letters/redrive' || path === '/v1/jobs/cancel' ? {} : JOB;
}

function bodyFor(method: string, path: string): Json | undefined {
  const { requestBody } = operations.find((one) => one.method === method && one.path === path)?.value ?? {};
  return requestBody === undefined ? undefined : goodBody(path);
}

describe('each parameter of the document has an effect', () => {
  it.each(parameters)('$name of $method $path', async ({ method, path, name }) => {
    const body = bodyFor(method, path);
    const without = name === 'tracestate' ? { headers: { traceparent: TRACEPARENT } } : {};
    const plain = await effectOf(method, path, { ...without, body });
    const sent = await effectOf(method, path, { ...(await sentWith(name, path)), body });
    expect(plain.status).toBeLessThan(400);
    expect(sent.status).toBeLessThan(400);
    expect(sent.effect).not.toBe(plain.effect);
  });
});

/** For each field of a body: two bodies that differ in this field alone. */
const FIELDS: readonly [path: string, name: string, one: Json, other: Json][] = [
  ['/v1/jobs', 'operation', JOB, { ...JOB, operation: 'other' }],
  ['/v1/jobs', 'input', JOB, { ...JOB, input: 2 }],
  ['/v1/jobs', 'delay', JOB, { ...JOB, delay: '1h' }],
  ['/v1/jobs', 'timeout', JOB, { ...JOB, timeout: '1s' }],
  ['/v1/jobs', 'maxAttempts', JOB, { ...JOB, maxAttempts: 2 }],
  ['/v1/jobs', 'priority', JOB, { ...JOB, priority: 'high' }],
  ['/v1/jobs', 'orderingKey', JOB, { ...JOB, orderingKey: 'customer-7' }],
  ['/v1/jobs', 'tags', JOB, { ...JOB, tags: ['night'] }],
  ['/v1/jobs', 'unique', JOB, { ...JOB, unique: { key: 'k', while: 'running' } }],
  ['/v1/jobs', 'unique.key', UNIQUE, { ...JOB, unique: { key: 'other', while: 'running' } }],
  ['/v1/jobs', 'unique.while', UNIQUE, { ...JOB, unique: { key: 'k', while: 'queued' } }],
  ['/v1/jobs', 'unique.for', UNIQUE, { ...JOB, unique: { key: 'k', while: 'running', for: '1h' } }],
  ['/v1/jobs', 'callback', JOB, { ...JOB, callback: { url: 'https://a.example' } }],
  [
    '/v1/jobs',
    'callback.events',
    { ...JOB, callback: { url: 'https://a.example' } },
    { ...JOB, callback: { url: 'https://a.example', events: ['failed'] } },
  ],
  [
    '/v1/jobs',
    'callback.url',
    { ...JOB, callback: { url: 'https://a.example' } },
    { ...JOB, callback: { url: 'https://b.example' } },
  ],
  [SCHEDULES, 'operation', SCHEDULE, { ...SCHEDULE, operation: 'other' }],
  [SCHEDULES, 'input', SCHEDULE, { ...SCHEDULE, input: 2 }],
  [SCHEDULES, 'timeout', SCHEDULE, { ...SCHEDULE, timeout: '1s' }],
  [SCHEDULES, 'maxAttempts', SCHEDULE, { ...SCHEDULE, maxAttempts: 2 }],
  [SCHEDULES, 'priority', SCHEDULE, { ...SCHEDULE, priority: 'high' }],
  [SCHEDULES, 'orderingKey', SCHEDULE, { ...SCHEDULE, orderingKey: 'customer-7' }],
  [SCHEDULES, 'tags', SCHEDULE, { ...SCHEDULE, tags: ['night'] }],
  [SCHEDULES, 'callback', SCHEDULE, { ...SCHEDULE, callback: { url: 'https://a.example' } }],
  [SCHEDULES, 'cron', SCHEDULE, { ...SCHEDULE, cron: '0 7 * * *' }],
  [SCHEDULES, 'every', SCHEDULE, { ...JOB, every: '1h' }],
  [SCHEDULES, 'timeZone', SCHEDULE, { ...SCHEDULE, timeZone: 'Europe/Berlin' }],
  [SCHEDULES, 'catchUp', SCHEDULE, { ...SCHEDULE, catchUp: 'all' }],
  [SCHEDULES, 'overlap', SCHEDULE, { ...SCHEDULE, overlap: 'skip' }],
  [SCHEDULES, 'paused', SCHEDULE, { ...SCHEDULE, paused: true }],
  ['/v1/jobs/batch', 'jobs', { jobs: [JOB] }, { jobs: [JOB, JOB] }],
  ['/v1/dead-letters/redrive', 'operation', {}, { operation: 'echo' }],
  ['/v1/dead-letters/redrive', 'reason', {}, { reason: 'operation-failed' }],
  ['/v1/jobs/cancel', 'operation', {}, { operation: 'echo' }],
  ['/v1/jobs/cancel', 'tags', {}, { tags: ['night'] }],
  ['/v1/jobs/cancel', 'state', {}, { state: 'queued' }],
  ['/v1/jobs/cancel', 'limit', {}, { limit: 7 }],
  ['/v1/jobs/cancel', 'cursor', {}, { cursor: JOB_CURSOR }],
  ['/v1/dead-letters/redrive', 'tags', {}, { tags: ['night'] }],
  ['/v1/dead-letters/redrive', 'limit', {}, { limit: 7 }],
  ['/v1/dead-letters/redrive', 'cursor', {}, { cursor: 'sealed' }],
];

const writes = (path: string): string => (path === SCHEDULES ? 'PUT' : 'POST');

describe('each field of a body has an effect', () => {
  it.each(FIELDS)('%s %s', async (path, _name, one, other) => {
    const cursor = await new PlaceSeal(await config()).seal('redrive acme', 3, 7);
    const real = path === '/v1/dead-letters/redrive' && 'cursor' in other ? { cursor } : other;
    const plain = await effectOf(writes(path), path, { body: one });
    const sent = await effectOf(writes(path), path, { body: real });
    expect(sent.status).toBeLessThan(400);
    expect(sent.effect).not.toBe(plain.effect);
  });

  it('is in the table above', () => {
    const { SubmitJob, Callback, Unique, SubmitBatch, CancelRequest, RedriveRequest, ScheduleRequest } =
      openApi.components.schemas;
    const expected = [
      ...Object.keys(SubmitJob.properties).map((name) => `/v1/jobs ${name}`),
      ...Object.keys(Callback.properties).map((name) => `/v1/jobs callback.${name}`),
      ...Object.keys(Unique.properties).map((name) => `/v1/jobs unique.${name}`),
      ...Object.keys(ScheduleRequest.properties).map((name) => `${SCHEDULES} ${name}`),
      ...Object.keys(SubmitBatch.properties).map((name) => `/v1/jobs/batch ${name}`),
      ...Object.keys(CancelRequest.properties).map((name) => `/v1/jobs/cancel ${name}`),
      ...Object.keys(RedriveRequest.properties).map((name) => `/v1/dead-letters/redrive ${name}`),
    ];
    expect(FIELDS.map(([path, name]) => `${path} ${name}`).sort()).toEqual(expected.sort());
  });
});

describe('a name that the API does not know is refused', () => {
  const secured = operations.filter(({ value }) => (value.security as unknown[]).length > 0);
  it.each(secured)('in the query of $method $path', async ({ method, path }) => {
    const { status, text } = await effectOf(method, path, {
      query: '?unknown=1',
      body: bodyFor(method, path),
    });
    expect(status).toBe(400);
    expect(JSON.parse(text)).toMatchObject({ violations: [{ path: '/unknown' }] });
  });

  it.each([
    ['/v1/jobs', { ...JOB, unknown: 1 }, '/unknown'],
    ['/v1/jobs', { ...JOB, callback: { url: 'https://a.example', unknown: 1 } }, '/callback/unknown'],
    ['/v1/jobs', { ...JOB, unique: { key: 'k', while: 'running', unknown: 1 } }, '/unique/unknown'],
    ['/v1/jobs/batch', { jobs: [JOB], unknown: 1 }, '/unknown'],
    ['/v1/jobs/cancel', { unknown: 1 }, '/unknown'],
    ['/v1/dead-letters/redrive', { unknown: 1 }, '/unknown'],
    [SCHEDULES, { ...SCHEDULE, delay: '1s' }, '/delay'],
  ])('in the body of %s: %j', async (path, body, place) => {
    const { status, text } = await effectOf(writes(path), path, { body });
    expect(status).toBe(400);
    expect(JSON.parse(text)).toMatchObject({ violations: [{ path: place }] });
  });

  it('but an unknown header has no effect, as the document says', async () => {
    const plain = await effectOf('POST', '/v1/jobs', { body: JOB });
    const sent = await effectOf('POST', '/v1/jobs', { body: JOB, headers: { 'x-unknown': '1' } });
    expect(sent.effect).toBe(plain.effect);
    expect(openApi.info.description).toContain('A header that is not named here has no effect.');
  });
});

/** What our own sentences never hold; zod's do. */
const RAW = /Invalid|expected|received|Unrecognized|Too (?:small|big)|undefined|^\s|\.$/;

describe('a refusal says one readable sentence for each path', () => {
  const values = [null, true, 7, -1, 1.5, '', 'x y', [], [null], ['failed', 'failed'], {}, { a: 1 }];
  it.each(FIELDS.map(([path, name, , other]) => ({ path, name, other })))(
    '$path $name',
    async ({ path, name, other }) => {
      const [first = '', second] = name.split('.');
      const inner = (other[first] ?? {}) as Json;
      for (const value of values) {
        const body = { ...other, [first]: second === undefined ? value : { ...inner, [second]: value } };
        const { status, text } = await effectOf(writes(path), path, { body });
        if (status !== 400) continue;
        const { violations, detail } = JSON.parse(text) as {
          violations: { path: string; message: string }[];
          detail: string;
        };
        const paths = violations.map((violation) => violation.path);
        expect(new Set(paths).size).toBe(paths.length);
        for (const { message } of violations) expect(message).not.toMatch(RAW);
        expect(detail).not.toMatch(RAW);
      }
    },
  );

  it.each(['null', '[]', '7', '"x"'])('a body that is %s', async (text) => {
    for (const path of ['/v1/jobs', '/v1/jobs/batch', '/v1/dead-letters/redrive', SCHEDULES]) {
      const answer = await effectOf(writes(path), path, { body: JSON.parse(text) as Json });
      expect(answer.status).toBe(400);
      expect(JSON.parse(answer.text).violations).toEqual([
        { path: '', message: expect.stringMatching(/^must be an object/) },
      ]);
    }
  });
});
