import { execFile } from 'node:child_process';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { jetstreamManager } from '@nats-io/jetstream';
import { connect } from '@nats-io/transport-node';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createApiKey, hashApiKey } from '../../shared/api-key.ts';
import { DeadLetterDetail, DeadLetterPage, RedriveReport } from '../../shared/dead-letter.ts';
import { Job } from '../../shared/job.ts';
import { until } from '../support/poll.ts';
import { problemOf, startTestStack, type TestStack } from '../support/stack.ts';

const CLI = fileURLToPath(new URL('../../cli/main.ts', import.meta.url));
const UNKNOWN_ID = '00000000-0000-7000-8000-000000000000';
/** A tenant per test, so that what is dead in one is nothing to the others. */
const TENANTS = [
  'list',
  'round',
  'again',
  'twice',
  'mine',
  'theirs',
  'killed',
  'many',
  'alive',
  'cli',
] as const;
type Tenant = (typeof TENANTS)[number];

let stack: TestStack;
let directory: string;
const keys = new Map(TENANTS.map((tenant) => [tenant, createApiKey(tenant)]));

beforeAll(async () => {
  directory = await mkdtemp(path.join(tmpdir(), 'throughline-dead-'));
  const entries = [...keys].map(async ([tenant, key]) => ({
    id: tenant,
    tenant,
    hash: await hashApiKey(key),
  }));
  stack = await startTestStack({
    operationsFolder: 'test/fixtures/operations',
    worker: { WORKER_ACK_WAIT_MS: '1500' },
    edge: { API_KEYS: JSON.stringify(await Promise.all(entries)) },
  });
});
afterAll(async () => {
  await stack.stop();
  await rm(directory, { recursive: true, force: true });
});

/** A request as a tenant. */
function call(tenant: Tenant, url: string, init: RequestInit = {}): Promise<Response> {
  const headers = {
    authorization: `Bearer ${keys.get(tenant)}`,
    ...(init.headers as Record<string, string>),
  };
  return fetch(`${stack.url}${url}`, { ...init, headers });
}

function post(tenant: Tenant, url: string, body?: unknown, headers = {}): Promise<Response> {
  const json = { 'content-type': 'application/json', ...headers };
  return call(tenant, url, {
    method: 'POST',
    headers: json,
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  });
}

async function submit(tenant: Tenant, input: unknown, more = {}, headers = {}): Promise<Job> {
  const response = await post(tenant, '/v1/jobs', { operation: 'test.mode', input, ...more }, headers);
  return Job.parse(await response.json());
}

const read = async (tenant: Tenant, id: string): Promise<Job> =>
  Job.parse(await (await call(tenant, `/v1/jobs/${id}`)).json());

const inState = (tenant: Tenant, id: string, state: Job['state']): Promise<Job> =>
  until(`job ${id} to be ${state}`, async () => {
    const job = await read(tenant, id);
    return job.state === state && job;
  });

/** A job that died; it lives once its gate is removed. */
async function dead(tenant: Tenant, gate: string, headers = {}): Promise<Job> {
  await writeFile(gate, '');
  const job = await submit(
    tenant,
    { mode: 'fail-while', gate, effects: `${gate}.effects` },
    { maxAttempts: 1 },
    headers,
  );
  return await inState(tenant, job.id, 'failed');
}

async function list(tenant: Tenant, query = ''): Promise<DeadLetterPage> {
  const response = await call(tenant, `/v1/dead-letters${query}`);
  expect(response.status).toBe(200);
  return DeadLetterPage.parse(await response.json());
}

const idsOf = ({ deadLetters }: DeadLetterPage): string[] => deadLetters.map(({ id }) => id);

async function redrive(tenant: Tenant, id: string, headers = {}): Promise<Job> {
  const response = await post(tenant, `/v1/dead-letters/${id}/redrive`, undefined, headers);
  expect(response.status).toBe(202);
  return Job.parse(await response.json());
}

/** How many jobs the queue holds. */
async function queued(): Promise<number> {
  const nats = await connect({ servers: stack.nats.url });
  try {
    return (await (await jetstreamManager(nats)).streams.info('JOBS')).state.messages;
  } finally {
    await nats.close();
  }
}

const effectsOf = async (gate: string): Promise<string[]> =>
  (await readFile(`${gate}.effects`, 'utf8')).split('\n').filter((line) => line !== '');

describe('the list of dead letters', () => {
  it('gives them oldest first, by pages and by operation, and each with all that it holds', async () => {
    const tenant = 'list';
    const jobs: Job[] = [];
    for (const name of ['one', 'two', 'three']) jobs.push(await dead(tenant, path.join(directory, name)));
    const [first] = jobs;
    const ids = jobs.map(({ id }) => id);

    const all = await list(tenant);
    expect(idsOf(all)).toEqual(ids);
    expect(all.cursor).toBeUndefined();
    expect(all.deadLetters[0]).toEqual({
      id: first?.id,
      operation: 'test.mode',
      reason: 'operation-failed',
      attempts: 1,
      diedAt: expect.any(String),
      traceId: first?.traceId,
      links: { self: `/v1/dead-letters/${first?.id}`, job: `/v1/jobs/${first?.id}` },
    });

    const page = await list(tenant, '?limit=2');
    expect(idsOf(page)).toEqual(ids.slice(0, 2));
    const rest = await list(tenant, `?limit=2&cursor=${page.cursor}`);
    expect(idsOf(rest)).toEqual(ids.slice(2));
    expect(rest.cursor).toBeUndefined();

    expect(idsOf(await list(tenant, '?operation=test.mode'))).toEqual(ids);
    expect(idsOf(await list(tenant, '?operation=test'))).toEqual([]);

    const shown = await call(tenant, `/v1/dead-letters/${first?.id}`);
    const detail = DeadLetterDetail.parse(await shown.json());
    expect(detail).toMatchObject({ id: first?.id, input: { mode: 'fail-while' } });
    expect(detail.headers).toMatchObject({
      'content-type': 'application/json',
      'ce-id': first?.id,
      'throughline-dead-reason': 'operation-failed',
      traceparent: expect.stringContaining(first?.traceId ?? '-'),
    });
    expect(Object.keys(detail.headers).filter((name) => name.startsWith('nats-'))).toEqual([]);
  });

  it.each(['?limit=0', '?limit=101', '?cursor=x', '?operation=A', '?opertion=echo'])(
    'refuses %s',
    async (query) => {
      const response = await call('list', `/v1/dead-letters${query}`);
      expect(response.status).toBe(400);
      expect(await problemOf(response)).toMatchObject({ code: 'request-invalid' });
    },
  );
});

describe('a redrive', () => {
  it('runs the job again in a new trace that is linked to the old one, and the job keeps both ids', async () => {
    const tenant = 'round';
    const gate = path.join(directory, 'round');
    const died = await dead(tenant, gate, { baggage: 'user=ann' });
    await rm(gate);
    const request = { traceparent: `00-${'a'.repeat(31)}b-00f067aa0ba902b7-01` };
    const sent = await redrive(tenant, died.id, request);
    expect(sent).toMatchObject({
      id: died.id,
      acceptedAt: died.acceptedAt,
      previousTraceIds: [died.traceId],
    });
    expect([died.traceId, `${'a'.repeat(31)}b`]).not.toContain(sent.traceId);

    const done = await inState(tenant, died.id, 'succeeded');
    expect(done).toMatchObject({
      attempt: 1,
      result: { attempt: 1 },
      traceId: sent.traceId,
      previousTraceIds: [died.traceId],
    });
    expect(await effectsOf(gate)).toEqual([`${died.id} 1`, `${died.id} 1`]);
    expect(idsOf(await list(tenant))).toEqual([]);

    const isSend = ({ name }: { name: string }) => name === 'send test.mode';
    const spans = await stack.collector.waitForSpans(
      sent.traceId,
      (all) =>
        ['send test.mode', 'process test.mode', 'send events'].every((name) =>
          all.some((span) => span.name === name),
        ),
      10_000,
    );
    const send = spans.find(({ name }) => name === 'send test.mode');
    const process = spans.find(({ name }) => name === 'process test.mode');
    expect(send).toMatchObject({ kind: 'PRODUCER', service: 'throughline-bridge' });
    expect(send?.parentSpanId).toBeUndefined();
    expect(process?.parentSpanId).toBe(send?.spanId);
    expect(process?.attributes['throughline.job.round']).toBe(1);

    const old = await stack.collector.waitForSpans(died.traceId, (all) => all.some(isSend), 10_000);
    const firstSend = old.find(isSend);
    const asked = await stack.collector.waitForSpans(`${'a'.repeat(31)}b`, (all) => all.length >= 2, 10_000);
    const client = asked.find(({ name }) => name === 'bridge redrive');
    const server = asked.find(({ kind }) => kind === 'SERVER');
    expect(send?.links.map(({ spanId }) => spanId)).toEqual([firstSend?.spanId, client?.spanId]);
    expect(server?.links.map(({ spanId }) => spanId)).toEqual([send?.spanId]);
  });

  it('of a job that dies again leaves a dead letter again, which can be sent round again', async () => {
    const tenant = 'again';
    const gate = path.join(directory, 'again');
    const died = await dead(tenant, gate);
    const second = await redrive(tenant, died.id);
    const again = await until('the second death', async () => {
      const job = await read(tenant, died.id);
      return job.state === 'failed' && job.traceId === second.traceId && job;
    });
    expect(again).toMatchObject({ attempt: 1, previousTraceIds: [died.traceId] });
    const { deadLetters } = await list(tenant);
    expect(deadLetters).toMatchObject([{ id: died.id, traceId: second.traceId, round: 1 }]);

    await rm(gate);
    await redrive(tenant, died.id);
    expect(await inState(tenant, died.id, 'succeeded')).toMatchObject({
      previousTraceIds: [died.traceId, second.traceId],
    });
    expect(idsOf(await list(tenant))).toEqual([]);
  });

  it('that is asked for many times at once runs the job once', async () => {
    const tenant = 'twice';
    const gate = path.join(directory, 'twice');
    const died = await dead(tenant, gate);
    await rm(gate);
    const answers = await Promise.all(
      Array.from({ length: 30 }, () => post(tenant, `/v1/dead-letters/${died.id}/redrive`)),
    );
    const done = await inState(tenant, died.id, 'succeeded');
    // Who comes late meets a job that is not dead any more; who comes in time hears of the same round.
    expect(answers.map(({ status }) => status)).toContain(202);
    for (const answer of answers) {
      if (answer.status === 202) expect(Job.parse(await answer.json()).traceId).toBe(done.traceId);
      else expect(await problemOf(answer)).toMatchObject({ code: 'not-dead', status: 409 });
    }
    const late = await post(tenant, `/v1/dead-letters/${died.id}/redrive`);
    expect(await problemOf(late)).toMatchObject({ code: 'not-dead', status: 409 });
    // Every answer is there, so whatever was to be queued is; when nothing is left, nothing is to come.
    await until('the queue to be empty', async () => (await queued()) === 0);
    expect(await effectsOf(gate)).toHaveLength(2);
  });

  it('is refused to another tenant as if there were no such job', async () => {
    const died = await dead('mine', path.join(directory, 'mine'));
    expect(idsOf(await list('theirs'))).toEqual([]);
    const foreign = [
      await call('theirs', `/v1/dead-letters/${died.id}`),
      await post('theirs', `/v1/dead-letters/${died.id}/redrive`),
      await call('theirs', `/v1/dead-letters/${UNKNOWN_ID}`),
      await post('theirs', `/v1/dead-letters/${UNKNOWN_ID}/redrive`),
      await post('theirs', '/v1/dead-letters/%3E/redrive'),
    ];
    const problems = await Promise.all(foreign.map(problemOf));
    for (const { traceId, ...problem } of problems) {
      expect(problem).toEqual({
        type: 'urn:throughline:problem:dead-letter-unknown',
        title: 'There is no such dead letter',
        status: 404,
        code: 'dead-letter-unknown',
        detail: 'no dead letter of yours has this id',
      });
      expect(traceId).toEqual(expect.any(String));
    }
    const many = await post('theirs', '/v1/dead-letters/redrive', {});
    expect(RedriveReport.parse(await many.json())).toEqual({ redriven: [], failed: [] });
    expect(await read('mine', died.id)).toMatchObject({ state: 'failed' });
    expect(idsOf(await list('mine'))).toEqual([died.id]);
  });

  it('of a job that lives is refused', async () => {
    const job = await inState('alive', (await submit('alive', { mode: 'done' })).id, 'succeeded');
    const response = await post('alive', `/v1/dead-letters/${job.id}/redrive`);
    expect(response.status).toBe(409);
    expect(await problemOf(response)).toMatchObject({ code: 'not-dead' });
  });

  it('of many takes those that the filter names, a page at a time', async () => {
    const tenant = 'many';
    const gates = ['m1', 'm2', 'm3'].map((name) => path.join(directory, name));
    const jobs: Job[] = [];
    for (const gate of gates) jobs.push(await dead(tenant, gate));
    const rejected = await inState(tenant, (await submit(tenant, { mode: 'reject' })).id, 'failed');
    await Promise.all(gates.map((gate) => rm(gate)));
    const ids = jobs.map(({ id }) => id);

    const ask = async (body: unknown): Promise<RedriveReport> =>
      RedriveReport.parse(await (await post(tenant, '/v1/dead-letters/redrive', body)).json());
    expect(await ask({ operation: 'echo' })).toEqual({ redriven: [], failed: [] });
    const filter = { operation: 'test.mode', reason: 'operation-failed', limit: 2 };
    const first = await ask(filter);
    expect(first).toEqual({ redriven: ids.slice(0, 2), failed: [], cursor: expect.any(String) });
    expect(await ask({ ...filter, cursor: first.cursor })).toEqual({ redriven: ids.slice(2), failed: [] });
    for (const id of ids) await inState(tenant, id, 'succeeded');
    expect(idsOf(await list(tenant))).toEqual([rejected.id]);
    const refused = await post(tenant, '/v1/dead-letters/redrive', { limit: 101 });
    expect(await problemOf(refused)).toMatchObject({ code: 'request-invalid' });
  });

  it('brings back a job that killed its workers until none of its attempts was left', async () => {
    const tenant = 'killed';
    const gate = path.join(directory, 'killed');
    await writeFile(gate, '');
    const input = { mode: 'exit-while', gate, effects: `${gate}.effects` };
    const job = await submit(tenant, input, { maxAttempts: 1 });
    expect(await stack.worker.exited).toBe(3);
    const next = await stack.addWorker({ WORKER_NAME: 'second' });
    const died = await inState(tenant, job.id, 'failed');
    expect(died).toMatchObject({ error: { code: 'attempts-spent' } });
    expect((await list(tenant)).deadLetters).toMatchObject([{ id: job.id, reason: 'attempts-spent' }]);

    const second = await redrive(tenant, job.id);
    expect(await next.exited).toBe(3);
    await stack.addWorker({ WORKER_NAME: 'third' });
    const again = await inState(tenant, job.id, 'failed');
    expect(again).toMatchObject({ error: { code: 'attempts-spent' }, traceId: second.traceId });
    expect((await list(tenant)).deadLetters).toMatchObject([{ id: job.id, round: 1 }]);

    await rm(gate);
    await redrive(tenant, job.id);
    expect(await inState(tenant, job.id, 'succeeded')).toMatchObject({ attempt: 1, result: { attempt: 1 } });
    expect(await effectsOf(gate)).toHaveLength(3);
  });
});

describe('throughline dead-letters', () => {
  /** Runs the command line as a tenant. */
  async function cli(tenant: Tenant, ...args: string[]): Promise<{ code: number; out: string; err: string }> {
    const env = {
      PATH: process.env.PATH,
      THROUGHLINE_URL: stack.url,
      THROUGHLINE_API_KEY: keys.get(tenant),
      OTEL_EXPORTER_OTLP_ENDPOINT: stack.collector.otlpUrl,
    };
    return await new Promise((resolve) => {
      const child = execFile(process.execPath, [CLI, 'dead-letters', ...args], { env }, (_error, out, err) =>
        resolve({ code: child.exitCode ?? -1, out, err }),
      );
    });
  }

  it('lists, shows, and sends round again, one or all', async () => {
    const tenant = 'cli';
    const gates = ['c1', 'c2', 'c3'].map((name) => path.join(directory, name));
    const jobs: Job[] = [];
    for (const gate of gates) jobs.push(await dead(tenant, gate));
    await Promise.all(gates.map((gate) => rm(gate)));
    const ids = jobs.map(({ id }) => id);
    const [first = ''] = ids;

    const page = await cli(tenant, 'list', '--limit', '2', '--operation', 'test.mode', '--json');
    expect(page).toMatchObject({ code: 0, err: '' });
    const { cursor, ...listed } = DeadLetterPage.parse(JSON.parse(page.out));
    expect(idsOf(listed)).toEqual(ids.slice(0, 2));
    const rest = await cli(tenant, 'list', '--cursor', cursor ?? '');
    expect(rest.out).toMatch(
      new RegExp(`^[0-9TZ:.-]+  ${ids[2]}  test\\.mode  operation-failed  1 attempt\\n$`),
    );
    const shown = await cli(tenant, 'show', first);
    expect(shown.out).toContain(`trace      ${jobs[0]?.traceId}`);
    expect(shown.out).toContain('input      {"mode":"fail-while"');

    const sent = await cli(tenant, 'redrive', first, '--json');
    expect(sent).toMatchObject({ code: 0, err: '' });
    expect(Job.parse(JSON.parse(sent.out))).toMatchObject({
      id: first,
      previousTraceIds: [jobs[0]?.traceId],
    });
    const all = await cli(tenant, 'redrive', '--all', '--operation', 'test.mode', '--json');
    expect({ ...all, out: JSON.parse(all.out) }).toEqual({
      code: 0,
      err: '',
      out: { redriven: ids.slice(1), failed: [] },
    });
    for (const id of ids) await inState(tenant, id, 'succeeded');
    expect((await cli(tenant, 'list', '--json')).out).toBe('{"deadLetters":[]}\n');
  });

  it.each([
    [['redrive']],
    [['redrive', 'job-1', '--all']],
    [['redrive', 'job-1', '--operation', 'echo']],
    [['redrive', UNKNOWN_ID]],
    [['show', UNKNOWN_ID]],
    [['list', '--limit', '101']],
  ])('ends with exit code 2 for %j', async (args) => {
    expect(await cli('cli', ...args)).toMatchObject({ code: 2, out: '' });
  });
});
