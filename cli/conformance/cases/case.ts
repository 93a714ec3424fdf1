import type { Bench } from '../bench.ts';
import type { Sentence } from '../sentences.ts';

/** One case for a worker. */
export interface WorkerCase {
  readonly name: string;
  /** What the case does, and looks at: one sentence. */
  readonly what: string;
  /** The sentences of docs/PROTOCOL.md that it checks. */
  readonly sentences: readonly Sentence[];
  /** Whether the case ends the worker, so that it runs alone. */
  readonly isAlone?: true;
  /** Notes what is wrong among the findings. @throws CaseOver, or whatever the NATS client throws */
  readonly run: (bench: Bench) => Promise<void>;
}
