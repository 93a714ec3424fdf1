import { rm, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import { RedriveReport } from '../../../shared/api/answers/dead-letter.ts';
import { Job } from '../../../shared/job/job.ts';
import { shortName } from '../../../shared/trace/short-name.ts';
import type { SpanRecord } from '../../../shared/trace/span-record.ts';
import { scratchFolder } from '../../support/cleanup.ts';
import { deadLetters, idsOf, UNKNOWN_ID } from '../../support/dead-letters.ts';
import { connectTo, effectsIn, untilQueueEmpty } from '../../support/jobs.ts';
import { until } from '../../support/poll.ts';
import { problemOf, startTestStack, type TestStack } from '../../support/stack.ts';
import { tenants } from '../../support/tenants.ts';

/** One tenant per test, so that no test sees the dead letters of another. */
const { callers, API_KEYS } = await tenants(
  'counted',
  'again',
  'twice',
  'mine',
  'theirs',
  'killed',
  'many',
  'alive',
  'full',
);
type Tenant = keyof typeof callers;

let stack: TestStack;
let directory: string;
const { call, post, submit, read, inState, dead, list } = deadLetters(callers, () => stack.url);

beforeAll(async () => {
  directory = await scratchFolder();
  stack = await startTestStack({
    operationsFolder: 'test/fixtures/operations',
    worker: { WORKER_ACK_WAIT_MS: '1500' },
    edge: { API_KEYS, TENANT_QUOTAS: '{"full":{"jobs":2}}' },
  });
});

async function redrive(tenant: Tenant, id: string, headers = {}): Promise<Job> {
  const response = await post(tenant, `/v1/dead-letters/${id}/redrive`, undefined, headers);
  expect(response.status).toBe(202);
  return Job.parse(await response.json());
}

const effectsOf = (gate: string): Promise<string[]> => effectsIn(`${gate}.effects`);

describe('a redrive', () => {
  it('runs the job again in a new trace that is linked to the old one, and the job keeps both ids', async () => {
    const tenant = 'counted';
    const gate = path.join(directory, 'counted');
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

    const isSend = (span: SpanRecord) => shortName(span) === 'send test.mode';
    const spans = await stack.collector.waitForSpans(
      sent.traceId,
      (all) =>
        ['send test.mode', 'process test.mode', 'send events'].every((name) =>
          all.some((span) => shortName(span) === name),
        ),
      60_000,
    );
    const send = spans.find((span) => shortName(span) === 'send test.mode');
    const process = spans.find((span) => shortName(span) === 'process test.mode');
    expect(send).toMatchObject({ kind: 'PRODUCER', service: 'throughline-bridge' });
    expect(send?.parentSpanId).toBeUndefined();
    expect(process?.parentSpanId).toBe(send?.spanId);
    expect(process?.attributes['throughline.job.redrive_count']).toBe(1);

    const old = await stack.collector.waitForSpans(died.traceId, (all) => all.some(isSend), 60_000);
    const firstSend = old.find(isSend);
    const asked = await stack.collector.waitForSpans(
      `${'a'.repeat(31)}b`,
      (all) => all.some(({ name }) => name === 'bridge/redrive') && all.some(({ kind }) => kind === 'SERVER'),
      60_000,
    );
    const client = asked.find(({ name }) => name === 'bridge/redrive');
    const server = asked.find(({ kind }) => kind === 'SERVER');
    expect(send?.links.map(({ spanId }) => spanId)).toEqual([firstSend?.spanId, client?.spanId]);
    expect(server?.links.map(({ spanId }) => spanId)).toEqual([send?.spanId]);
  });

  it('of a job that dies again leaves a dead letter again, which can be redriven again', async () => {
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
    expect(deadLetters).toMatchObject([{ id: died.id, traceId: second.traceId, redriveCount: 1 }]);

    await rm(gate);
    await redrive(tenant, died.id);
    expect(await inState(tenant, died.id, 'succeeded')).toMatchObject({
      previousTraceIds: [died.traceId, second.traceId],
    });
    expect(idsOf(await list(tenant))).toEqual([]);
  });

  it('that is asked for many times at the same time runs the job once', async () => {
    const tenant = 'twice';
    const gate = path.join(directory, 'twice');
    const died = await dead(tenant, gate);
    await rm(gate);
    const answers = await Promise.all(
      Array.from({ length: 30 }, () => post(tenant, `/v1/dead-letters/${died.id}/redrive`)),
    );
    const done = await inState(tenant, died.id, 'succeeded');
    // A late request finds a job that is no longer dead; an early one gets the same redrive.
    expect(answers.map(({ status }) => status)).toContain(202);
    for (const answer of answers) {
      if (answer.status === 202) expect(Job.parse(await answer.json()).traceId).toBe(done.traceId);
      else expect(await problemOf(answer)).toMatchObject({ code: 'not-dead', status: 409 });
    }
    const late = await post(tenant, `/v1/dead-letters/${died.id}/redrive`);
    expect(await problemOf(late)).toMatchObject({ code: 'not-dead', status: 409 });
    // All requests are answered, so every message is queued. When the queue is empty, no more will run.
    await untilQueueEmpty(await connectTo(stack));
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
        detail: expect.stringMatching(
          /^no dead letter of yours has the id ".+"; GET \/v1\/dead-letters lists them$/,
        ),
      });
      expect(traceId).toEqual(expect.any(String));
    }
    const many = await post('theirs', '/v1/dead-letters/redrive', {});
    expect(RedriveReport.parse(await many.json())).toEqual({ redriven: [], failed: [] });
    expect(await read('mine', died.id)).toMatchObject({ state: 'failed' });
    expect(idsOf(await list('mine'))).toEqual([died.id]);
  });

  it('of a job that is not dead is refused', async () => {
    const job = await inState('alive', (await submit('alive', { mode: 'done' })).id, 'succeeded');
    const response = await post('alive', `/v1/dead-letters/${job.id}/redrive`);
    expect(response.status).toBe(409);
    expect(await problemOf(response)).toMatchObject({ code: 'not-dead' });
  });

  it('of many takes the dead letters that the filter matches, page by page', async () => {
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

  it('is refused while the unfinished jobs of its tenant take all that they may', async () => {
    const tenant = 'full';
    const died = await dead(tenant, path.join(directory, 'full'));
    const late = { delay: '1h' };
    const waiting = [
      await submit(tenant, { mode: 'done' }, late),
      await submit(tenant, { mode: 'done' }, late),
    ];
    const refused = await post(tenant, `/v1/dead-letters/${died.id}/redrive`);
    expect(refused.headers.get('ratelimit')).toBe('"jobs";r=0;t=5');
    expect(await problemOf(refused)).toMatchObject({ status: 429, code: 'quota-exceeded', quota: 'jobs' });
    const many = await post(tenant, '/v1/dead-letters/redrive', {});
    expect(await problemOf(many)).toMatchObject({ status: 429, code: 'quota-exceeded', quota: 'jobs' });

    await Promise.all(waiting.map(({ id }) => call(tenant, `/v1/jobs/${id}`, { method: 'DELETE' })));
    const again = await until('room for a redrive', async () => {
      const response = await post(tenant, `/v1/dead-letters/${died.id}/redrive`);
      return response.status !== 429 && response;
    });
    expect(again.status).toBe(202);
  });

  it('runs a job again that spent its attempts by killing its workers', async () => {
    const tenant = 'killed';
    const gate = path.join(directory, 'killed');
    await writeFile(gate, '');
    const input = { mode: 'exit-while', gate, effects: `${gate}.effects` };
    const job = await submit(tenant, input, { maxAttempts: 1 });
    expect(await stack.worker.exited).toBeNull();
    const next = await stack.addWorker({ WORKER_NAME: 'second' });
    const died = await inState(tenant, job.id, 'failed');
    expect(died).toMatchObject({ error: { code: 'attempts-spent' } });
    expect((await list(tenant)).deadLetters).toMatchObject([{ id: job.id, reason: 'attempts-spent' }]);

    const second = await redrive(tenant, job.id);
    expect(await next.exited).toBeNull();
    await stack.addWorker({ WORKER_NAME: 'third' });
    const again = await inState(tenant, job.id, 'failed');
    expect(again).toMatchObject({ error: { code: 'attempts-spent' }, traceId: second.traceId });
    expect((await list(tenant)).deadLetters).toMatchObject([{ id: job.id, redriveCount: 1 }]);

    await rm(gate);
    await redrive(tenant, job.id);
    expect(await inState(tenant, job.id, 'succeeded')).toMatchObject({ attempt: 1, result: { attempt: 1 } });
    expect(await effectsOf(gate)).toHaveLength(3);
  });
});
