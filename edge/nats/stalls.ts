import { STORES_NOTHING } from '../../shared/nats/disk-full.ts';

/** A message that was not stored tells for this long that none is. Meanwhile the outbox tries again. */
const TELLS_FOR_MS = 60_000;

/** On which subjects NATS stores nothing although it answers, by the first word of the subject. */
export class Stalls {
  readonly #since = new Map<string, number>();

  stored(subject: string): void {
    this.#since.delete(rootOf(subject));
  }

  /** @param now epoch milliseconds */
  notStored(subject: string, now: number): void {
    this.#since.set(rootOf(subject), now);
  }

  /** A sentence for each kind of message that is not stored. */
  problems(now: number): string[] {
    const roots = [...this.#since].filter(([, since]) => now - since < TELLS_FOR_MS);
    return roots.map(([root]) => `messages on ${root}.> are not stored: ${STORES_NOTHING}`);
  }
}

function rootOf(subject: string): string {
  return subject.split('.', 1).join();
}
