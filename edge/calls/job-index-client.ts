import type { JobPage } from '../../shared/api/job-list.ts';
import { ThroughlineError } from '../../shared/errors.ts';
import { ATTR } from '../../shared/trace/semantics.ts';
import { CATCH_UP_MS, indexName, type ListCommand, type TenantJob } from './index-commands.ts';
import { callObject } from './object-call.ts';
import type { JobIndexApi } from './objects.ts';

/** Added to the time that an index takes to catch up. */
const MARGIN_MS = 3_000;

/** Calls the indexes: the edge asks them for lists, a bridge tells them about accepted jobs. */
export class JobIndexClient {
  readonly #namespace: DurableObjectNamespace<JobIndexApi>;
  readonly #shards: number;

  constructor(namespace: DurableObjectNamespace<JobIndexApi>, shards: number) {
    this.#namespace = namespace;
    this.#shards = shards;
  }

  /** A page of a tenant's jobs. @throws ThroughlineError `index-unavailable` */
  list(command: Omit<ListCommand, 'carrier'>): Promise<JobPage> {
    const name = indexName(command.tenant, this.#shards);
    return callObject({
      kind: 'index',
      method: 'list',
      attributes: { [ATTR.indexName]: name },
      limitMs: CATCH_UP_MS + MARGIN_MS,
      ask: (carrier) => this.#namespace.getByName(name).list({ ...command, carrier }),
      unavailable: (reason, cause) =>
        new ThroughlineError('index-unavailable', `the list of jobs cannot be read: ${reason}`, {
          cause,
          retryAfterSeconds: 1,
        }),
    });
  }

  /** Tells the indexes of the jobs' tenants about accepted jobs. @throws the platform's error for an object that fails */
  async addAccepted(jobs: readonly TenantJob[]): Promise<void> {
    const byIndex = Map.groupBy(jobs, ({ tenant }) => indexName(tenant, this.#shards));
    await Promise.all([...byIndex].map(([name, own]) => this.#namespace.getByName(name).addAccepted(own)));
  }
}
