/** What `throughline verify` found, as `--json` prints it. */

/** The steps of a job's trace, by the two ends between which the context may be lost. */
export type Hop =
  | 'caller → edge'
  | 'edge → bridge'
  | 'bridge → worker'
  | 'attempt → attempt'
  | 'worker → bridge'
  | 'worker → receiver'
  | 'dead letter → redrive'
  | 'worker → logs'
  | 'clocks'
  | 'job';

/** Something that is broken. */
export interface Fault {
  readonly hop: Hop;
  /** What was seen: one sentence. */
  readonly found: string;
  /** The likely cause, and what to do: one sentence or two. */
  readonly cause: string;
}

/** What came of one canary. */
export interface CanaryReport {
  readonly canary: string;
  readonly outcome: 'whole' | 'broken' | 'skipped';
  readonly traceId?: string;
  readonly jobIds?: readonly string[];
  /** Why it was skipped. */
  readonly reason?: string;
  readonly faults: readonly Fault[];
  /** What is worth knowing, although nothing is broken. */
  readonly notes: readonly string[];
}

/** A CONSUMER span whose parent never came. */
export interface Orphan {
  readonly traceId: string;
  readonly spanId: string;
  readonly parentSpanId: string;
  readonly name: string;
  readonly service: string;
  readonly startedAt: string;
}

/** What came of one round: the document of `throughline verify --json`. */
export interface VerifyReport {
  readonly ok: boolean;
  readonly at: string;
  readonly store: string;
  readonly canaries: readonly CanaryReport[];
  /** Only of `--watch`: why the round could not be made. */
  readonly error?: { readonly code: string; readonly message: string };
  /** Only of `--watch`: those that were not reported before. */
  readonly orphans?: readonly Orphan[];
}
