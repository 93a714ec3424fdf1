import { isTerminalEvent } from '../../shared/job/event.ts';
import { EVENTS_STREAM } from '../../shared/nats/streams.ts';
import { eventSubject } from '../../shared/wire/subjects.ts';
import type { SubmitCommand } from '../calls/commands.ts';
import { readStoredEvent } from '../jobs/job-reader.ts';
import type { BrokerSession } from '../nats/broker-session.ts';
import type { RequestBroker } from '../nats/request-broker.ts';

/** A tenant with more than so many times `FAIR_JOBS` unfinished jobs uses bulk lanes only. */
const FEW = 64;
/** The shortest time between two looks at the jobs of a tenant. */
const LOOK_MS = 250;
const MAX_TENANTS = 5_000;

interface Tracked {
  /** The last jobs that went to the pooled lane, as many as may be there. */
  readonly ids: Set<string>;
  lookedAt: number;
  looking?: Promise<unknown>;
}

/**
 * The jobs of each tenant that wait or run in its pooled lane, as far as a bridge has sent them. Jobs in a bulk lane may wait long
 * behind those of others. If they counted too, a tenant that once had too many jobs at a time would never leave the bulk lane.
 */
export class PooledJobs {
  readonly #fairJobs: number;
  readonly #tenants = new Map<string, Tracked>();

  /** @param fairJobs how many jobs of a tenant may be in its pooled lane (`FAIR_JOBS`) */
  constructor(fairJobs: number) {
    this.#fairJobs = fairJobs;
  }

  /**
   * Whether a job may go to the pooled lane of its tenant. It counts as being there from then on.
   * @param place its place among the unfinished jobs of its tenant
   */
  async admit(
    broker: RequestBroker,
    { tenant, jobId }: Pick<SubmitCommand, 'tenant' | 'jobId'>,
    place: number,
  ): Promise<boolean> {
    const tracked = this.#trackedOf(tenant);
    const isBusy = place > this.#fairJobs;
    if (isBusy && place > this.#fairJobs * FEW) return false;
    if (isBusy && tracked.ids.size >= this.#fairJobs) await this.#forgetEnded(broker, tenant, tracked);
    if (isBusy && tracked.ids.size >= this.#fairJobs) return false;
    tracked.ids.add(jobId);
    const [oldest] = tracked.ids;
    // A tenant that is not busy has no more unfinished jobs than that.
    if (tracked.ids.size > this.#fairJobs && oldest !== undefined) tracked.ids.delete(oldest);
    return true;
  }

  /** Forgets a job that was not accepted. */
  forget({ tenant, jobId }: Pick<SubmitCommand, 'tenant' | 'jobId'>): void {
    this.#tenants.get(tenant)?.ids.delete(jobId);
  }

  #trackedOf(tenant: string): Tracked {
    const tracked = this.#tenants.get(tenant) ?? { ids: new Set(), lookedAt: 0 };
    this.#tenants.delete(tenant);
    this.#tenants.set(tenant, tracked);
    const [oldest] = this.#tenants.keys();
    if (this.#tenants.size > MAX_TENANTS && oldest !== undefined) this.#tenants.delete(oldest);
    return tracked;
  }

  /** Looks for the ends of the jobs in a pooled lane. Callers at the same time share one look. */
  async #forgetEnded(broker: RequestBroker, tenant: string, tracked: Tracked): Promise<void> {
    if (tracked.looking === undefined && Date.now() - tracked.lookedAt >= LOOK_MS) {
      tracked.lookedAt = Date.now();
      const looks = [...tracked.ids].map(async (jobId) => {
        if (await broker.ask((session) => hasEnded(session, tenant, jobId))) tracked.ids.delete(jobId);
      });
      tracked.looking = Promise.allSettled(looks).finally(() => delete tracked.looking);
    }
    await tracked.looking;
  }
}

async function hasEnded(session: BrokerSession, tenant: string, jobId: string): Promise<boolean> {
  const event = readStoredEvent(await session.lastMessage(EVENTS_STREAM, eventSubject(tenant, jobId)));
  return event !== undefined && isTerminalEvent(event);
}
