import { NO_LEADER, STORES_NOTHING } from '../../shared/nats/disk-full.ts';

/** How long a message that was not stored counts as a problem. Meanwhile the outbox tries again. */
const COUNTS_FOR_MS = 60_000;
/** The same for the word that JetStream has no leader. `/readyz` asks each time. */
const NO_LEADER_MS = 10_000;

/** The subjects on which NATS stores nothing although it answers, by the first word of the subject. */
export class Stalls {
  readonly #since = new Map<string, number>();
  #noLeaderAt = 0;

  /** Notes that JetStream has no leader. @param now epoch milliseconds */
  noLeader(now: number): void {
    this.#noLeaderAt = now;
  }

  /** Notes that NATS stored a message, or refused it: both are answers. */
  stored(subject: string): void {
    this.#since.delete(rootOf(subject));
  }

  /** Notes that NATS did not answer to a message, although it answers a ping. @param now epoch milliseconds */
  notStored(subject: string, now: number): void {
    this.#since.set(rootOf(subject), now);
  }

  /** A sentence for each kind of message that is not stored. */
  problems(now: number): string[] {
    const roots = [...this.#since].filter(([, since]) => now - since < COUNTS_FOR_MS);
    return [
      ...(now - this.#noLeaderAt < NO_LEADER_MS ? [NO_LEADER] : []),
      ...roots.map(([root]) => `messages on ${root}.> are not stored: ${STORES_NOTHING}`),
    ];
  }
}

function rootOf(subject: string): string {
  return subject.split('.', 1)[0] ?? '';
}
