/** What the harness found: the shape of its `--json`. */
import type { Sentence } from './sentences.ts';

/** A sentence of the specification that does not hold. */
export interface Fault {
  readonly sentence: Sentence;
  /** The sentence itself. */
  readonly says: string;
  /** What was seen instead. */
  readonly found: string;
}

/** What came of one case. */
export interface CaseReport {
  readonly case: string;
  /** What the case does, and looks at. */
  readonly what: string;
  readonly outcome: 'passed' | 'failed' | 'skipped';
  /** Why a case had nothing to look at; undefined if it was run, or left out by `--skip`. */
  readonly why?: string;
  /** The sentences that the case checks. */
  readonly sentences: readonly Sentence[];
  readonly faults: readonly Fault[];
  readonly ms: number;
}

/** What came of all cases: the document of `throughline conformance --json`. */
export interface ConformanceReport {
  /** Whether no case failed. */
  readonly ok: boolean;
  readonly of: 'worker' | 'producer';
  readonly command: readonly string[];
  readonly cases: readonly CaseReport[];
}
