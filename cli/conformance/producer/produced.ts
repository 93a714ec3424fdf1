import type { HeaderValues } from '../../../shared/wire/headers.ts';

/** What the producer under test was asked to submit. */
export interface Wanted {
  /** How a sentence about this run of the program begins. */
  readonly run: string;
  readonly tenant: string;
  readonly operation: string;
  /** The input as JSON. */
  readonly input: string;
  readonly traceparent: string;
  readonly tracestate: string;
  readonly baggage: string;
}

/** The message that it published. One in structured mode is opened: it has the attributes of its event as headers, and its data. */
export interface Produced {
  readonly subject: string;
  /** How many jobs the same run of the program has published. */
  readonly jobsOfRun: number;
  /** The ids of the jobs of earlier runs. */
  readonly earlierIds: readonly string[];
  readonly names: readonly string[];
  readonly values: HeaderValues;
  readonly data: Uint8Array;
  /** How the message is a CloudEvent. `unreadable`: it says that it is in structured mode, and cannot be opened. */
  readonly mode: 'binary' | 'structured' | 'unreadable';
  /** Whether the message asks JetStream for an acknowledgement. */
  readonly asksForAck: boolean;
  /** Whether JetStream has stored it. */
  readonly isStored: boolean;
  /** The exit code of the program; null if a signal ended it, undefined if it had to be ended. */
  readonly exitCode: number | null | undefined;
}
