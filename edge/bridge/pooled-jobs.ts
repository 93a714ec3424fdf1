import { RecentMap } from '../../shared/collections/recent-map.ts';
import { valueWithin } from '../../shared/deadline.ts';
import { isTerminalEvent } from '../../shared/job/event.ts';
import type { JobKey } from '../../shared/job/job-address.ts';
import { lastEvent } from '../jobs/job-reader.ts';
import type { BrokerSession } from '../nats/broker-session.ts';
import type { RequestBroker } from '../nats/request-broker.ts';

/** A tenant with more unfinished jobs than this many times `FAIR_JOBS` uses bulk lanes only. */
const MAX_TIMES = 64;
/** The shortest time between two looks at the jobs of a tenant. */
const LOOK_MS = 250;
/** A submission uses what the last look found, if it ended within this time. Otherwise it waits for a look: a round trip to NATS. */
const FRESH_MS = 1_000;
const MAX_TENANTS = 5_000;

/** A job, and how often it was redriven; undefined: never. */
interface PooledJob extends JobKey {
  readonly redriveCount?: number | undefined;
}

interface Tracked {
  /** The last jobs that went to the pooled lane, as many as may be there, and how often each was redriven. */
  readonly ids: Map<string, number>;
  lookedAt: number;
  /** When the last look ended. */
  knownAt: number;
  looking?: Promise<unknown>;
}

/**
 * The jobs of each tenant that wait or run in its pooled lane, as far as a bridge has sent them. Jobs in a bulk lane may wait long
 * behind those of others. If they counted too, a tenant that once had too many jobs at a time would never leave the bulk lane.
 */
export class PooledJobs {
  readonly #fairJobs: number;
  readonly #tenants = new RecentMap<string, Tracked>();

  /** @param fairJobs how many jobs of a tenant may be in its pooled lane (`FAIR_JOBS`) */
  constructor(fairJobs: number) {
    this.#fairJobs = fairJobs;
  }

  /**
   * Whether a job may go to the pooled lane of its tenant. It counts as being there from then on.
   * @param broker a broker for this call alone: a look may go on when the request has its answer
   * @param place its place among the unfinished jobs of its tenant
   * @param leftMs how long the call waits for the look, in milliseconds
   */
  admit(
    broker: Pick<RequestBroker, 'ask'>,
    job: PooledJob,
    place: number,
    leftMs = Number.POSITIVE_INFINITY,
  ): boolean | Promise<boolean> {
    const tracked = this.#trackedOf(job.tenant);
    const isBusy = place > this.#fairJobs;
    if (isBusy && place > this.#fairJobs * MAX_TIMES) return false;
    if (isBusy && tracked.ids.size >= this.#fairJobs) return this.#admitToFull(broker, job, tracked, leftMs);
    return this.#add(job, tracked);
  }

  async #admitToFull(
    broker: Pick<RequestBroker, 'ask'>,
    job: PooledJob,
    tracked: Tracked,
    leftMs: number,
  ): Promise<boolean> {
    await this.#forgetEnded(broker, job.tenant, tracked, leftMs);
    return tracked.ids.size < this.#fairJobs && this.#add(job, tracked);
  }

  #add({ jobId, redriveCount = 0 }: PooledJob, tracked: Tracked): true {
    tracked.ids.set(jobId, redriveCount);
    const [oldest] = tracked.ids.keys();
    // A tenant that is not busy has no more unfinished jobs than this.
    if (tracked.ids.size > this.#fairJobs && oldest !== undefined) tracked.ids.delete(oldest);
    return true;
  }

  /**
   * The same for a job that is redriven. A tenant may redrive many jobs at a time, so the job is treated like one of a busy
   * tenant.
   */
  async admitRedriven(broker: Pick<RequestBroker, 'ask'>, job: PooledJob): Promise<boolean> {
    return await this.admit(broker, job, this.#fairJobs + 1);
  }

  /** Forgets a job that was not accepted. */
  forget({ tenant, jobId }: PooledJob): void {
    this.#tenants.get(tenant)?.ids.delete(jobId);
  }

  #trackedOf(tenant: string): Tracked {
    const tracked = this.#tenants.get(tenant) ?? { ids: new Map(), lookedAt: 0, knownAt: 0 };
    this.#tenants.use(tenant, tracked);
    if (this.#tenants.size > MAX_TENANTS) this.#tenants.deleteOldest();
    return tracked;
  }

  /** Looks for the ends of the jobs in a pooled lane. Callers at the same time share one look. */
  async #forgetEnded(
    broker: Pick<RequestBroker, 'ask'>,
    tenant: string,
    tracked: Tracked,
    leftMs: number,
  ): Promise<void> {
    const isFresh = Date.now() - tracked.knownAt < FRESH_MS;
    if (tracked.looking === undefined && Date.now() - tracked.lookedAt >= LOOK_MS) {
      tracked.lookedAt = Date.now();
      const looks = [...tracked.ids].map(async ([jobId, redriveCount]) => {
        const job = { tenant, jobId, redriveCount };
        if (await broker.ask((session) => hasEnded(session, job))) tracked.ids.delete(jobId);
      });
      tracked.looking = Promise.allSettled(looks).finally(() => {
        tracked.knownAt = Date.now();
        delete tracked.looking;
      });
    }
    if (isFresh || tracked.looking === undefined) return;
    await valueWithin(tracked.looking, leftMs);
  }
}

/** Whether a job has ended. An end before its redrive does not count. */
async function hasEnded(
  session: BrokerSession,
  { tenant, jobId, redriveCount = 0 }: PooledJob,
): Promise<boolean> {
  const event = await lastEvent(session, tenant, jobId);
  return event !== undefined && isTerminalEvent(event) && (event.redriveCount ?? 0) >= redriveCount;
}
