import { KeyCounts } from '../../shared/collections/key-counts.ts';
import { ThroughlineError } from '../../shared/errors.ts';
import type { JobKey } from '../../shared/job/job-address.ts';
import { eventSubject } from '../../shared/wire/subjects.ts';

const RETRY_SECONDS = 5;
/** A stream keeps its place for at least this long, so that readers who come again do not drive each other out. */
const MIN_AGE_MS = RETRY_SECONDS * 1_000;

/** A reader that wants a place. */
export interface PlaceRequest extends JobKey {
  /** Whether it had a stream of this job before: it names the last event that it has. */
  readonly isAgain: boolean;
}

interface Place {
  readonly sinceMs: number;
  /** Takes the place away from its stream. */
  readonly giveWay: () => void;
}

/**
 * Counts the event streams that each tenant has open through this bridge. A rate limit does not bound their
 * number: a stream lives as long as its reader wants, and holds a page of events for a reader that does not read.
 *
 * The bridge may notice only minutes later that a connection broke. So a reader that comes again while all places are taken gets
 * the place of the oldest stream of the same job (docs/decisions/bridge-and-outbox.md).
 */
export class StreamPlaces {
  readonly #taken = new KeyCounts();
  /** The places of each job, the oldest first. */
  readonly #ofJob = new Map<string, Set<Place>>();

  /** How many streams of each tenant are open now; tenants without one are not there. */
  get byTenant(): ReadonlyMap<string, number> {
    return this.#taken.all;
  }

  /**
   * Takes a place.
   * @param limit how many places the tenant may have
   * @param giveWay called when another stream gets the place
   * @returns a function that gives it back; safe to call twice
   * @throws ThroughlineError `too-many-streams`
   */
  take(request: PlaceRequest, limit: number, giveWay: () => void): () => void {
    const isFull = this.#taken.of(request.tenant) >= limit;
    if (isFull && !(request.isAgain && this.#freeOldest(request))) {
      throw new ThroughlineError(
        'too-many-streams',
        `the tenant has ${limit} event streams open, and may have no more; close one, or read /events as JSON`,
        { quota: { name: 'streams', limit }, retryAfterSeconds: RETRY_SECONDS },
      );
    }
    const place: Place = { sinceMs: Date.now(), giveWay };
    this.#add(request, place);
    return () => this.#remove(request, place);
  }

  /** Takes the place away from the oldest stream of a job. @returns false if there is no stream that is old enough */
  #freeOldest(job: JobKey): boolean {
    const [oldest] = this.#ofJob.get(keyOf(job)) ?? [];
    if (oldest === undefined || Date.now() - oldest.sinceMs < MIN_AGE_MS) return false;
    this.#remove(job, oldest);
    oldest.giveWay();
    return true;
  }

  #add(job: JobKey, place: Place): void {
    const key = keyOf(job);
    const places = this.#ofJob.get(key) ?? new Set();
    this.#ofJob.set(key, places.add(place));
    this.#taken.add(job.tenant);
  }

  #remove(job: JobKey, place: Place): void {
    const key = keyOf(job);
    const places = this.#ofJob.get(key);
    if (places?.delete(place) !== true) return;
    if (places.size === 0) this.#ofJob.delete(key);
    this.#taken.remove(job.tenant);
  }
}

function keyOf({ tenant, jobId }: JobKey): string {
  return eventSubject(tenant, jobId);
}
