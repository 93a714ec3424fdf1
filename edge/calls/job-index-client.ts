import type { JobPage } from '../../shared/api/answers/job-list.ts';
import type { Usage } from '../../shared/api/usage.ts';
import { ThroughlineError } from '../../shared/errors.ts';
import type { Carrier } from '../../shared/propagation/index.ts';
import { ATTR } from '../../shared/trace/semantics.ts';
import {
  CATCH_UP_MS,
  indexName,
  type ListCommand,
  type StartTimeCommand,
  type TenantJob,
  type TenantUsage,
} from './index-commands.ts';
import { callObject } from './object-call.ts';
import type { JobIndexApi } from './objects.ts';
import type { Reply } from './reply.ts';

/** The edge waits for a job index this much longer than the index may read new events. */
const MARGIN_MS = 3_000;

/** Calls the job indexes. The edge asks them for lists of jobs, and a bridge reports accepted jobs to them. */
export class JobIndexClient {
  readonly #namespace: DurableObjectNamespace<JobIndexApi>;
  readonly #shards: number;

  constructor(namespace: DurableObjectNamespace<JobIndexApi>, shards: number) {
    this.#namespace = namespace;
    this.#shards = shards;
  }

  /** Reads a page of a tenant's jobs. @throws ThroughlineError `index-unavailable` */
  list(command: Omit<ListCommand, 'carrier'>): Promise<JobPage> {
    return this.#call('list', command.tenant, (index, carrier) => index.list({ ...command, carrier }));
  }

  /** How many indexes there are. */
  get indexes(): number {
    return this.#shards;
  }

  /** The name of the index that lists the jobs of a tenant. */
  nameOf(tenant: string): string {
    return indexName(tenant, this.#shards);
  }

  /**
   * Adds accepted jobs to an index.
   * @param name the index of their tenants
   * @returns what the jobs of these tenants take
   * @throws the platform's error when the index fails
   */
  addAccepted(name: string, jobs: readonly TenantJob[]): Promise<TenantUsage[]> {
    return this.#namespace.getByName(name).addAccepted(jobs);
  }

  /** Takes jobs out of the list, see {@link JobIndexApi.forget}. @throws the platform's error when the index fails */
  forget(tenant: string, ids: readonly string[]): Promise<void> {
    return this.#indexOf(tenant).forget(tenant, ids);
  }

  /** What the jobs of a tenant take. @throws ThroughlineError `index-unavailable` */
  usage(tenant: string): Promise<Usage> {
    return this.#call(
      'usage',
      tenant,
      async (index) => ({ ok: true, value: await index.usage(tenant) }) as const,
    );
  }

  /** When a job may start, see {@link JobIndexApi.startTime}. @throws the platform's error when the index fails */
  startTime(command: StartTimeCommand): Promise<number | undefined> {
    return this.#indexOf(command.tenant).startTime(command);
  }

  /** Like {@link usage}, for a bridge: without a span of its own. @throws the platform's error when the index fails */
  count(tenant: string): Promise<Usage> {
    return this.#indexOf(tenant).usage(tenant);
  }

  #indexOf(tenant: string): DurableObjectStub<JobIndexApi> {
    return this.#namespace.getByName(this.nameOf(tenant));
  }

  #call<T>(
    method: 'list' | 'usage',
    tenant: string,
    ask: (index: DurableObjectStub<JobIndexApi>, carrier: Carrier) => Promise<Reply<T>>,
  ): Promise<T> {
    return callObject({
      kind: 'index',
      method,
      attributes: { [ATTR.indexName]: this.nameOf(tenant) },
      limitMs: CATCH_UP_MS + MARGIN_MS,
      ask: (carrier) => ask(this.#indexOf(tenant), carrier),
      unavailable: unreadable,
    });
  }
}

function unreadable(reason: string, cause: unknown): ThroughlineError {
  const message = `the list of jobs cannot be read: ${reason}`;
  return new ThroughlineError('index-unavailable', message, { cause, retryAfterSeconds: 1 });
}
