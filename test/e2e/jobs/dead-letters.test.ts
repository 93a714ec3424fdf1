import { rm } from 'node:fs/promises';
import path from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import { DeadLetterDetail, DeadLetterPage } from '../../../shared/api/answers/dead-letter.ts';
import { Job } from '../../../shared/job/job.ts';
import { scratchFolder } from '../../support/cleanup.ts';
import { type Ended, run } from '../../support/cli/process.ts';
import { deadLetters, idsOf, UNKNOWN_ID } from '../../support/dead-letters.ts';
import { until } from '../../support/poll.ts';
import { problemOf, startTestStack, type TestStack } from '../../support/stack.ts';
import { tenants } from '../../support/tenants.ts';

/** One tenant per test, so that no test sees the dead letters of another. */
const { callers, API_KEYS } = await tenants('list', 'cli', 'race');
type Tenant = keyof typeof callers;

let stack: TestStack;
let directory: string;
const { call, post, submit, read, inState, dead, list } = deadLetters(callers, () => stack.url);

beforeAll(async () => {
  directory = await scratchFolder();
  stack = await startTestStack({
    operationsFolder: 'test/fixtures/operations',
    edge: { API_KEYS },
  });
});

describe('the list of dead letters', () => {
  it('gives them oldest first, by page and by operation, and shows each with its payload and headers', async () => {
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
      message: 'the gate is shut',
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

describe('the event of a redrive', () => {
  it('is not mistaken by a worker for the start of another worker', async () => {
    // The usual ack wait of 30 s: a message that is not settled would come back too late for this test.
    const dead = await Promise.all(
      Array.from({ length: 40 }, async () => {
        const { id } = await submit('race', { mode: 'reject' });
        return await inState('race', id, 'failed');
      }),
    );
    const redriven = async ({ id }: Job): Promise<void> => {
      const redrive = (): Promise<Response> => post('race', `/v1/dead-letters/${id}/redrive`);
      await until('the dead letter', async () => (await redrive()).status === 202);
      await until('its end after the redrive', async () => {
        const job = await read('race', id);
        return job.state === 'failed' && job.previousTraceIds?.length === 1;
      });
    };
    await Promise.all(dead.map(redriven));
  });
});

describe('throughline dead-letters', () => {
  /** Runs the command line as a tenant. */
  function cli(tenant: Tenant, ...args: string[]): Promise<Ended> {
    const environment = { OTEL_EXPORTER_OTLP_ENDPOINT: stack.collector.otlpUrl };
    return run({ url: stack.url, apiKey: callers[tenant].key }, ['dead-letters', ...args], { environment });
  }

  it('lists, shows, and redrives, one or all', async () => {
    const tenant = 'cli';
    const gates = ['c1', 'c2', 'c3'].map((name) => path.join(directory, name));
    const jobs: Job[] = [];
    for (const gate of gates) jobs.push(await dead(tenant, gate));
    await Promise.all(gates.map((gate) => rm(gate)));
    const ids = jobs.map(({ id }) => id);
    const [first = ''] = ids;

    const page = await cli(tenant, 'list', '--limit', '2', '--operation', 'test.mode', '--json');
    expect(page).toMatchObject({ code: 0, stderr: '' });
    const { cursor, ...listed } = DeadLetterPage.parse(JSON.parse(page.stdout));
    expect(idsOf(listed)).toEqual(ids.slice(0, 2));
    const rest = await cli(tenant, 'list', '--cursor', cursor ?? '');
    expect(rest.stdout).toMatch(
      new RegExp(
        `^[0-9TZ:.-]+  ${ids[2]}  test\\.mode  1 attempt  the gate is shut \\(operation-failed\\)\\n$`,
      ),
    );
    const shown = await cli(tenant, 'show', first);
    expect(shown.stdout).toContain(`trace      ${jobs[0]?.traceId}`);
    expect(shown.stdout).toContain('input      {"mode":"fail-while"');
    expect(shown.stdout).toContain('error      the gate is shut (operation-failed)\n');
    expect(shown.stdout).toMatch(/^detail +\nError: the gate is shut\n +at /m);

    const sent = await cli(tenant, 'redrive', first, '--json');
    expect(sent).toMatchObject({ code: 0, stderr: '' });
    expect(Job.parse(JSON.parse(sent.stdout))).toMatchObject({
      id: first,
      previousTraceIds: [jobs[0]?.traceId],
    });
    const all = await cli(tenant, 'redrive', '--all', '--yes', '--operation', 'test.mode', '--json');
    expect({ ...all, stdout: JSON.parse(all.stdout) }).toEqual({
      code: 0,
      stderr: '',
      stdout: { redriven: ids.slice(1), failed: [] },
    });
    for (const id of ids) await inState(tenant, id, 'succeeded');
    expect((await cli(tenant, 'list', '--json')).stdout).toBe('{"deadLetters":[]}\n');
  });

  it.each([
    [['redrive']],
    [['redrive', 'job-1', '--all']],
    [['redrive', 'job-1', '--operation', 'echo']],
    [['redrive', UNKNOWN_ID]],
    [['show', UNKNOWN_ID]],
    [['list', '--limit', '101']],
  ])('ends with exit code 2 for %j', async (args) => {
    expect(await cli('cli', ...args)).toMatchObject({ code: 2, stdout: '' });
  });
});
