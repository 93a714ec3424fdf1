import { backoffCeiling, equalJitter, type PauseLimits } from '../../shared/backoff.ts';

/** The pauses while no other host is known to have the operation. */
export const MISSING_OPERATION: PauseLimits = { firstMs: 500, maxMs: 30_000 };
/** How much longer a job stays away each time that it comes to a wrong host. */
const STEP_MS = 10;
/** The time between two jobs that come back. */
const BETWEEN_MS = 5;
/** The longest pause while another host has the operation. */
const MAX_MS = 1_000;

interface MissingPausesParts {
  /** What is known about the other hosts of the worker group. */
  readonly hosts: { readonly serves: (operation: string) => boolean };
  /** A number from 0 (inclusive) to 1 (exclusive). */
  readonly random: () => number;
  /** Milliseconds on any clock. */
  readonly now: () => number;
}

/**
 * How long a job stays away if this host does not have its operation. If another host has it, the server should ask the next
 * host at once: in a deploy, a job may meet several wrong hosts in a row. But while the right host is busy, its
 * jobs go round, and each time they cost the wrong hosts a little. So the pauses grow with each delivery of a job, and with
 * the number of jobs that are handed back.
 */
export class MissingPauses {
  readonly #parts: MissingPausesParts;
  /** When the next job may come back. */
  #nextTurn = 0;

  constructor(parts: MissingPausesParts) {
    this.#parts = parts;
  }

  /**
   * @param deliveryCount how many times the message of the job was delivered, this time included
   * @returns milliseconds. At least half of the longest pause, so that a host does not get the job again and again
   */
  pauseMs(operation: string, deliveryCount: number): number {
    const { hosts, random } = this.#parts;
    const longestMs = hosts.serves(operation)
      ? this.#untilTurn(deliveryCount)
      : backoffCeiling(deliveryCount, MISSING_OPERATION);
    return Math.ceil(equalJitter(longestMs, random()));
  }

  #untilTurn(deliveryCount: number): number {
    const now = this.#parts.now();
    const turn = Math.max(this.#nextTurn, now);
    this.#nextTurn = Math.min(turn + BETWEEN_MS, now + MAX_MS);
    return Math.min(Math.max(turn - now, STEP_MS * (deliveryCount - 1)), MAX_MS);
  }
}
