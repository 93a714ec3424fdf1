import { setTimeout as pause } from 'node:timers/promises';
import type { UsageReport } from '../../shared/api/usage.ts';
import type { Job } from '../../shared/job/job.ts';
import type { Tenant } from '../support/tenants.ts';

/** Sends a request to the edge. The path begins with a slash. */
export type Call = (path: string, init: RequestInit) => Promise<Response>;

const PAUSE_MS = 20;
const PATIENCE_MS = 30_000;

/** Runs long enough for its requests to find it running, and ends by itself if nobody ends it. */
export const LONG_JOB = { operation: 'bench.nap', input: { ms: 60_000 } };
export const SHORT_JOB = { operation: 'bench.one-event', input: { ms: 0, from: 0, to: 0 } };
export const DELAYED_JOB = { ...SHORT_JOB, delay: '1h' };
/** Its end is sent to an address that does not exist. */
export const CALLED_BACK_JOB = { ...SHORT_JOB, callback: { url: 'http://nobody.invalid/' } };
/** Becomes a dead letter. */
const REFUSED_JOB = { operation: 'bench.refuse', input: null };

/** Waits until something is so. @throws Error if it is not after half a minute */
export async function waitFor(what: string, isSo: () => Promise<boolean>): Promise<void> {
  for (const until = Date.now() + PATIENCE_MS; !(await isSo()); ) {
    if (Date.now() > until) throw new Error(`waited ${PATIENCE_MS} ms for ${what}`);
    await pause(PAUSE_MS);
  }
}

/** Sends requests of one tenant. Each throws an Error if the answer is no success. */
export class Caller {
  readonly #call: Call;
  readonly #tenant: Tenant;
  #names = 0;

  constructor(call: Call, tenant: Tenant) {
    this.#call = call;
    this.#tenant = tenant;
  }

  get #access(): Record<string, string> {
    return { authorization: `Bearer ${this.#tenant.key}` };
  }

  /** @param body JSON; undefined: none */
  async send(
    method: string,
    path: string,
    body?: unknown,
    headers: Readonly<Record<string, string>> = {},
  ): Promise<string> {
    return await (await this.#answer(method, path, body, headers)).text();
  }

  async #answer(
    method: string,
    path: string,
    body: unknown,
    headers: Readonly<Record<string, string>>,
  ): Promise<Response> {
    const response = await this.#call(path, {
      method,
      headers: {
        ...this.#access,
        accept: 'application/json',
        ...(body === undefined ? {} : { 'content-type': 'application/json' }),
        ...headers,
      },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
    if (response.ok) return response;
    throw new Error(`${method} ${path} of ${this.#tenant.name}: ${response.status} ${await response.text()}`);
  }

  async #job(...request: Parameters<Caller['send']>): Promise<Job> {
    return JSON.parse(await this.send(...request)) as Job;
  }

  get(path: string): Promise<string> {
    return this.send('GET', path);
  }

  /** Asks for what is not there. */
  async missing(path: string): Promise<void> {
    const response = await this.#call(path, { headers: this.#access });
    await response.text();
    if (response.status !== 404) throw new Error(`GET ${path}: ${response.status} instead of 404`);
  }

  submit(job: object, headers?: Readonly<Record<string, string>>): Promise<string> {
    return this.send('POST', '/v1/jobs', job, headers);
  }

  /** Submits a job, and waits until the condition holds. @returns the path of the job */
  async submitUntil(job: object, isSo: (job: Job) => boolean, headers = {}): Promise<string> {
    const { links } = JSON.parse(await this.submit(job, headers)) as Job;
    await waitFor(`a state of ${links.self}`, async () => isSo(await this.#job('GET', links.self)));
    return links.self;
  }

  /** A job that NATS has: it is not in the outbox any more. */
  stored(job: object, headers = {}): Promise<string> {
    return this.submitUntil(job, ({ durability }) => durability === 'stream', headers);
  }

  running(headers = {}): Promise<string> {
    return this.submitUntil(LONG_JOB, ({ state }) => state === 'running', headers);
  }

  /** A job that has ended. Nobody has read it since. */
  async ended(job: object = SHORT_JOB, headers = {}): Promise<string> {
    return (await this.#job('POST', '/v1/jobs', job, { prefer: 'wait=20', ...headers })).links.self;
  }

  /** A dead letter. */
  async dead(): Promise<string> {
    return (await this.ended(REFUSED_JOB)).replace('/jobs/', '/dead-letters/');
  }

  /** Cancels a job, and waits for its end, unless it has ended already. */
  async end(path: string): Promise<void> {
    const headers = { ...this.#access, prefer: 'wait=20' };
    await (await this.#call(path, { method: 'DELETE', headers })).text();
  }

  /** Waits until all jobs have ended, and the index of jobs knows it. */
  async idle(): Promise<void> {
    await waitFor('the end of all jobs', async () => {
      const { used } = JSON.parse(await this.get('/v1/usage')) as UsageReport;
      return used.jobs === 0 && used.outboxJobs === 0;
    });
  }

  /** Reads an event stream until its first event. */
  async firstEvent(path: string): Promise<void> {
    const response = await this.#answer('GET', path, undefined, { accept: 'text/event-stream' });
    const texts = response.body?.pipeThrough(new TextDecoderStream());
    for await (const text of texts ?? []) if (/^data:/m.test(text)) return;
    throw new Error(`${path} has no event`);
  }

  /** A name that this caller has not used. */
  newName(): string {
    return `name-${++this.#names}`;
  }
}
