import type { StreamRoom } from '../../../shared/api/answers/health.ts';
import { errorFrom } from '../../../shared/error-table.ts';
import { ThroughlineError } from '../../../shared/errors.ts';
import { DELAY_SINCE, isAtLeastVersion } from '../../../shared/nats/server-version.ts';
import { DELAYED_STREAM, EVENTS_STREAM, JOBS_STREAM } from '../../../shared/nats/streams.ts';
import type { BrokerSession } from '../../nats/broker-session.ts';

/** How long an answer of NATS is used. */
const FRESH_MS = 1_000;
/** About what a stream stores of a job besides its input: subject and headers. */
const ENVELOPE_BYTES = 1_024;
/** Room for delayed jobs comes back when some of them are cancelled, and seven days after they were due: a copy stays that long. */
const RETRY_SECONDS = 60;

/** What NATS said about the room for delayed jobs, and what was accepted since. */
interface Reading {
  readonly session: BrokerSession;
  readonly until: number;
  readonly room: Promise<StreamRoom | undefined>;
  added: number;
}

/**
 * How much the streams of waiting jobs hold, and may hold. `JOBS` itself refuses what is too much. A stream with schedules cannot
 * do that, so a bridge keeps the cap of `DELAYED`.
 */
export class StoreRoom {
  #reading: Reading | undefined;
  /** The bytes of each job that was taken and is not settled. The next answer of NATS may not have them yet. */
  readonly #underWay = new Map<string, number>();

  /**
   * Makes sure that there is room for one more delayed job. NATS is asked at most once a second, so several bridges
   * together may pass the cap by what they accept within a second. Call {@link settle} afterwards, also if this throws.
   * @param bytes of the job's input
   * @throws ThroughlineError `stream-full`; `broker-unavailable` if NATS does not answer
   */
  async take(session: BrokerSession, jobId: string, bytes: number): Promise<void> {
    const reading = this.#fresh(session);
    const size = bytes + ENVELOPE_BYTES;
    // Before the wait: a submission that stops waiting settles its job while this call goes on.
    this.#underWay.set(jobId, size);
    const room = await reading.room;
    const added = reading.added + size;
    if (room?.maxBytes !== undefined && room.bytes + added > room.maxBytes) {
      const message = `there is no room for more delayed jobs: they may take ${room.maxBytes} bytes`;
      throw new ThroughlineError('stream-full', message, { retryAfterSeconds: RETRY_SECONDS });
    }
    reading.added = added;
  }

  /** Settles a job: NATS has it, or will not get it now. A job that was not taken may be settled too. */
  settle(jobId: string): void {
    this.#underWay.delete(jobId);
  }

  #fresh(session: BrokerSession): Reading {
    const known = this.#reading;
    if (known !== undefined && known.session === session && Date.now() < known.until) return known;
    const room = roomOf(session, DELAYED_STREAM);
    const added = [...this.#underWay.values()].reduce((sum, bytes) => sum + bytes, 0);
    const reading = { session, until: Date.now() + FRESH_MS, room, added };
    this.#reading = reading;
    return reading;
  }
}

/**
 * Whether NATS has never had a job.
 * @returns false also if this user may not ask
 * @throws ThroughlineError `broker-unavailable`
 */
export async function hasNoJobs(session: BrokerSession): Promise<boolean> {
  const hasDelayed = isAtLeastVersion(session.serverVersion, DELAY_SINCE);
  const streams = [JOBS_STREAM, EVENTS_STREAM, ...(hasDelayed ? [DELAYED_STREAM] : [])];
  try {
    const extents = await Promise.all(streams.map((stream) => session.extent(stream)));
    return extents.every(({ last }) => last === 0);
  } catch (thrown) {
    if (errorFrom(thrown).code === 'broker-unavailable') throw thrown;
    return false;
  }
}

/** What waiting jobs hold of the store now. */
export async function waitingJobs(
  session: BrokerSession,
): Promise<{ readonly queue?: StreamRoom; readonly delayed?: StreamRoom }> {
  const [queue, delayed] = await Promise.all(
    [JOBS_STREAM, DELAYED_STREAM].map((stream) => roomOf(session, stream)),
  );
  return { ...(queue === undefined ? {} : { queue }), ...(delayed === undefined ? {} : { delayed }) };
}

/**
 * @returns undefined if there is no such stream, or this user may not ask, as with permissions of an earlier version
 * @throws ThroughlineError `broker-unavailable`
 */
async function roomOf(session: BrokerSession, stream: string): Promise<StreamRoom | undefined> {
  try {
    const { bytes, cap } = await session.extent(stream);
    return { bytes, ...(cap === undefined ? {} : { maxBytes: cap }) };
  } catch (thrown) {
    if (errorFrom(thrown).code === 'broker-unavailable') throw thrown;
    return undefined;
  }
}
