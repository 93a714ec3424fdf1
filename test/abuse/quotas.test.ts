import { expect, it } from 'vitest';
import { BatchReport } from '../../shared/api/answers/batch-report.ts';
import { UsageReport } from '../../shared/api/usage.ts';
import { Job } from '../../shared/job/job.ts';
import { until } from '../support/poll.ts';
import { type TestStack, withTestStack } from '../support/stack.ts';
import { type Caller, tenants } from '../support/tenants.ts';

const QUOTAS = { jobs: 60, bytes: 30_000, delayedJobs: 20, delayedBytes: 10_000 };
/** Fewer than FAIR_JOBS: more would wait behind those of other busy tenants, which never end here. */
const FEW = 2;
const AT_ONCE = 5;
const OUTBOX_ROWS = 40;
const json = { 'content-type': 'application/json' };
const ECHO = { operation: 'echo', input: 1 };
const LATER = { ...ECHO, delay: '1h' };
const NAP = { operation: 'test.mode', input: { mode: 'nap', ms: 60_000, effects: '/dev/null' } };
const large = (bytes: number) => ({ operation: 'echo', input: 'x'.repeat(bytes), delay: '1h' });

/** A tenant of one system. What it does gives a status, or the code of a refusal. */
class Tenant {
  readonly #url: string;
  readonly #caller: Caller;
  readonly #leave = new AbortController();

  constructor({ url }: TestStack, caller: Caller) {
    this.#url = url;
    this.#caller = caller;
  }

  async submit(job: unknown, headers: Record<string, string> = {}): Promise<string | number> {
    const init = { method: 'POST', headers: { ...json, ...headers }, body: JSON.stringify(job) };
    return await outcomeOf(await this.#call('/v1/jobs', init));
  }

  /** Submits jobs at once. @returns the outcomes, each once */
  async batch(count: number, job: unknown): Promise<Set<string | number>> {
    const body = JSON.stringify({ jobs: Array.from({ length: count }, () => job) });
    const response = await this.#call('/v1/jobs/batch', { method: 'POST', headers: json, body });
    const { results } = BatchReport.parse(await response.json());
    return new Set(results.map((result) => ('problem' in result ? result.problem.code : result.status)));
  }

  /** Makes a job that is not due for long. @returns its id */
  async sleeper(): Promise<string> {
    const init = { method: 'POST', headers: json, body: JSON.stringify(LATER) };
    return Job.parse(await (await this.#call('/v1/jobs', init)).json()).id;
  }

  /** Opens an event stream, which stays open until the tenant leaves. */
  async follow(jobId: string): Promise<string | number> {
    const headers = { accept: 'text/event-stream' };
    const response = await this.#call(`/v1/jobs/${jobId}/events`, { headers });
    return response.ok ? response.status : await outcomeOf(response);
  }

  async used(): Promise<UsageReport['used']> {
    return UsageReport.parse(await (await this.#call('/v1/usage')).json()).used;
  }

  leave(): void {
    this.#leave.abort();
  }

  #call(path: string, init: RequestInit = {}): Promise<Response> {
    return this.#caller.call(this.#url, path, { ...init, signal: this.#leave.signal });
  }
}

async function outcomeOf(response: Response): Promise<string | number> {
  const { code } = (await response.json()) as { readonly code?: string };
  return code ?? response.status;
}

/** Uses up everything that a tenant may have. Checks that more of each kind is refused. */
async function exhaust(alpha: Tenant): Promise<void> {
  const sleeper = await alpha.sleeper();
  const follow = () => alpha.follow(sleeper);
  expect(await Promise.all(Array.from({ length: AT_ONCE }, follow))).toEqual(Array(AT_ONCE).fill(200));
  expect(await follow()).toBe('too-many-streams');

  const waits = Array.from({ length: AT_ONCE }, () => alpha.submit(NAP, { prefer: 'wait=60' }));
  void Promise.allSettled(waits);
  await until('all waits', async () => (await alpha.used()).jobs === 1 + AT_ONCE);
  expect(await alpha.submit(ECHO, { prefer: 'wait=1' })).toBe('too-many-waits');

  expect(await alpha.submit(large(8_000))).toBe(202);
  expect(await alpha.submit(large(8_000))).toBe('quota-exceeded');
  expect(await alpha.submit({ ...large(20_000), delay: undefined }, {})).toBe(202);
  await until('the large job to end', async () => (await alpha.used()).bytes < 20_000);
  while ((await alpha.used()).delayedJobs < QUOTAS.delayedJobs) await alpha.submit(LATER);
  expect(await alpha.batch(30, LATER)).toEqual(new Set(['quota-exceeded']));
  while ((await alpha.used()).jobs < QUOTAS.jobs) await alpha.submit(NAP);
  expect(await alpha.batch(30, ECHO)).toEqual(new Set(['quota-exceeded']));
}

/** Does everything that a tenant may do. Checks that nothing is refused. */
async function doEverything(beta: Tenant): Promise<void> {
  expect(await beta.submit(ECHO, { prefer: 'wait=30' })).toBe(200);
  expect(await beta.batch(FEW, ECHO)).toEqual(new Set([202]));
  expect(await beta.submit(large(20_000))).toBe(202);
  expect(await beta.follow(await beta.sleeper())).toBe(200);
  await until('its jobs to end', async () => (await beta.used()).jobs === 2);
}

it('Q3: a tenant at all of its quotas at once is refused more, and another one is refused nothing', async () => {
  const { callers, API_KEYS } = await tenants('alpha', 'beta', 'gamma');
  const stack = await withTestStack({
    edge: {
      API_KEYS,
      TENANT_QUOTAS: JSON.stringify({ alpha: QUOTAS }),
      WAITS_PER_TENANT: String(AT_ONCE),
      EVENT_STREAMS_PER_TENANT: String(AT_ONCE),
      OUTBOX_MAX_ROWS: String(OUTBOX_ROWS),
    },
    operationsFolder: 'test/fixtures/operations',
    worker: { WORKER_STOP_TIMEOUT_MS: '0' },
    tracing: false,
  });
  const [alpha, beta, gamma] = [callers.alpha, callers.beta, callers.gamma].map(
    (caller) => new Tenant(stack, caller),
  ) as [Tenant, Tenant, Tenant];
  await exhaust(alpha);
  await doEverything(beta);

  await stack.nats.kill('SIGKILL');
  expect(await gamma.batch(OUTBOX_ROWS, ECHO)).toEqual(new Set([202, 'outbox-share-full']));
  expect(await beta.batch(FEW, ECHO)).toEqual(new Set([202]));
  await stack.nats.restart();
  await until('its jobs to end', async () => (await beta.used()).jobs === 2);
  for (const tenant of [alpha, beta, gamma]) tenant.leave();
});
