import { expect, it } from 'vitest';
import { BatchReport } from '../../shared/api/submit-job.ts';
import { UsageReport } from '../../shared/api/usage.ts';
import { Job } from '../../shared/job/job.ts';
import { until } from '../support/poll.ts';
import { type TestStack, withTestStack } from '../support/stack.ts';
import { type Caller, tenants } from '../support/tenants.ts';

const QUOTAS = { jobs: 60, bytes: 30_000, delayedJobs: 20, delayedBytes: 10_000 };
const WAITS = 5;
const STREAMS = 5;
const OUTBOX_ROWS = 40;
const json = { 'content-type': 'application/json' };
const echo = { operation: 'echo', input: 1 };
const LATER = { ...echo, delay: '1h' };
const NAP = { operation: 'test.mode', input: { mode: 'nap', ms: 60_000, effects: '/dev/null' } };
const large = (bytes: number) => ({ operation: 'echo', input: 'x'.repeat(bytes) });

/** What a tenant does on one system. */
class Acts {
  readonly #stack: TestStack;
  readonly #caller: Caller;
  readonly #leave: AbortController;

  constructor(stack: TestStack, caller: Caller, leave: AbortController) {
    this.#stack = stack;
    this.#caller = caller;
    this.#leave = leave;
  }

  call(path: string, init: RequestInit = {}): Promise<Response> {
    return this.#caller.call(this.#stack.url, path, { ...init, signal: this.#leave.signal });
  }

  /** Submits jobs as one batch. @returns what became of each: a status, or the code of a refusal */
  async batch(count: number, job: unknown): Promise<(string | number)[]> {
    const body = JSON.stringify({ jobs: Array.from({ length: count }, () => job) });
    const response = await this.call('/v1/jobs/batch', { method: 'POST', headers: json, body });
    const { results } = BatchReport.parse(await response.json());
    return results.map((result) => ('problem' in result ? result.problem.code : result.status));
  }

  async submit(job: unknown, headers = {}): Promise<string | number> {
    return await outcomeOf(await this.#caller.submit(this.#stack.url, job, headers));
  }

  /** Opens an event stream. It stays open until the tenant leaves. */
  async follow(jobId: string): Promise<string | number> {
    const response = await this.call(`/v1/jobs/${jobId}/events`, { headers: { accept: 'text/event-stream' } });
    return response.ok ? response.status : await outcomeOf(response);
  }

  /** Waits for the end of a job. */
  async wait(jobId: string, seconds: number): Promise<string | number> {
    return await outcomeOf(
      await this.call(`/v1/jobs/${jobId}`, { method: 'DELETE', headers: { prefer: `wait=${seconds}` } }),
    );
  }

  async usage(): Promise<UsageReport['used']> {
    return UsageReport.parse(await (await this.call('/v1/usage')).json()).used;
  }
}

async function outcomeOf(response: Response): Promise<string | number> {
  const { code } = (await response.json()) as { readonly code?: string };
  return code ?? response.status;
}
