import type { Pause } from '../../shared/api/pause.ts';
import { Pace } from './limits/pace.ts';

/** How long a job that is handed back stays away, at least. After a resume, the first jobs come within this time. */
const LEAST_MS = 1_000;
/** How many of these jobs come back in a second to one host. So a long backlog of a paused operation is no load. */
const RETURNS = { limit: 200, periodMs: 1_000 };

interface PausesParts {
  /** Who paused an operation; undefined if it is not paused. */
  readonly watch: { readonly pauseOf: (operation: string) => Pause | undefined };
  /** A number from 0 (inclusive) to 1 (exclusive). */
  readonly random: () => number;
}

/** Hands back the jobs of operations that are paused. */
export class Pauses {
  readonly #watch: PausesParts['watch'];
  readonly #pace: Pace;

  constructor({ watch, random }: PausesParts) {
    this.#watch = watch;
    this.#pace = new Pace(RETURNS, () => 0, random);
  }

  /** For how many milliseconds a job of an operation stays away; undefined if the operation is not paused. */
  awayMs(operation: string): number | undefined {
    if (this.#watch.pauseOf(operation) === undefined) return undefined;
    return this.#pace.turn(performance.now(), LEAST_MS);
  }
}
