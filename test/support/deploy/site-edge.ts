import path from 'node:path';
import { inject } from 'vitest';
import type { Edge } from '../../../dev/edge/start.ts';
import { findFreePort } from '../../../dev/machine/free-port.ts';
import { Job } from '../../../shared/job/job.ts';
import { parseJson } from '../../../shared/text/json/parse-json.ts';
import { atEndOfFile, scratchFolder } from '../cleanup.ts';
import { trust } from '../nats/certificates.ts';
import { until } from '../poll.ts';
import type { Site } from './site.ts';

/** How many jobs are under way at a time. */
const LOAD = 4;

/** The edge of a site, as a deployment runs it: the same bundle in workerd, with the settings that the page names. */
export class SiteEdge {
  readonly apiKey: string;
  readonly url: string;
  readonly #site: Site;
  readonly #entry: unknown;
  readonly #storage: string;
  #edge: Edge | undefined;

  private constructor(site: Site, printed: { key: string; entry: unknown }, port: number, storage: string) {
    this.#site = site;
    this.apiKey = printed.key;
    this.#entry = printed.entry;
    this.url = `http://127.0.0.1:${port}`;
    this.#storage = storage;
  }

  /** @param printed what `throughline keys create --json` printed */
  static async make(site: Site, printed: string): Promise<SiteEdge> {
    const certificate = await site.authority();
    await trust({ certificate, key: '' });
    const edge = new SiteEdge(
      site,
      parseJson(printed) as { key: string; entry: unknown },
      await findFreePort(),
      path.join(await scratchFolder(), 'edge'),
    );
    atEndOfFile(() => edge.#edge?.stop());
    return edge;
  }

  /** Deploys the edge, or deploys it again with other addresses of NATS. Its outboxes stay. */
  async deploy(numbers: readonly number[]): Promise<void> {
    const bundle = inject('edge');
    if ('problem' in bundle) throw new Error(bundle.problem);
    await this.#edge?.stop();
    // Imported only here, since workerd trusts the certificates that were known when it was loaded.
    const { startEdge } = await import('../../../dev/edge/start.ts');
    const { NATS_EDGE_PASSWORD = '' } = await this.#site.variables();
    this.#edge = await startEdge({
      bundle,
      port: Number(new URL(this.url).port),
      storageDir: this.#storage,
      bindings: {
        NATS_URL: this.#site.addresses(numbers, 'wss'),
        NATS_USER: 'edge',
        NATS_PASSWORD: NATS_EDGE_PASSWORD,
        API_KEYS: JSON.stringify([this.#entry]),
      },
      onLog: () => undefined,
    });
  }

  async call(place: string, init: RequestInit = {}): Promise<Response> {
    const own = { authorization: `Bearer ${this.apiKey}`, 'content-type': 'application/json' };
    const headers = { ...own, ...Object.fromEntries(new Headers(init.headers)) };
    return await fetch(`${this.url}${place}`, { ...init, headers });
  }

  /** Submits a job. It is accepted, also while NATS is away. */
  async submit(operation: string, input: unknown): Promise<Job> {
    const body = JSON.stringify({ operation, input });
    return await until('the job to be accepted', async () => {
      const response = await this.call('/v1/jobs', { method: 'POST', body });
      const answer: unknown = await response.json();
      if (response.status !== 202) throw new Error(JSON.stringify(answer));
      return Job.parse(answer);
    });
  }

  async job(id: string): Promise<Job> {
    return Job.parse(await (await this.call(`/v1/jobs/${id}`)).json());
  }

  /** Waits for the end of a job. */
  async ended({ id }: Pick<Job, 'id'>): Promise<Job> {
    return await until(`the end of job ${id}`, async () => {
      const job = await this.job(id);
      return (job.state === 'succeeded' || job.state === 'failed') && job;
    });
  }

  async run(operation: string, input: unknown): Promise<Job> {
    return await this.ended(await this.submit(operation, input));
  }

  /** Runs jobs, a few at a time, until it is told to end. */
  load(operation: string): { readonly end: () => Promise<readonly Job[]> } {
    const jobs: Job[] = [];
    let isOver = false;
    const one = async (): Promise<void> => {
      while (!isOver) jobs.push(await this.run(operation, jobs.length));
    };
    const running = Promise.all(Array.from({ length: LOAD }, one));
    running.catch(() => undefined);
    const end = async (): Promise<readonly Job[]> => {
      isOver = true;
      await running;
      return jobs;
    };
    return { end };
  }
}
