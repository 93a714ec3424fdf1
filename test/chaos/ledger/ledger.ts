import path from 'node:path';
import type { EventKind } from '../../../shared/job/event.ts';
import type { SpanRecord } from '../../../shared/trace/span-record.ts';
import { Journal, readJournal } from './journal.ts';

/** Written before a job is sent. Times are milliseconds since 1970, all of one machine's clock. */
export interface AttemptEntry {
  readonly type: 'attempt';
  /** The idempotency key. */
  readonly key: string;
  /** The job id that follows from the key. */
  readonly jobId: string;
  readonly bodyHash: string;
  readonly traceId: string;
  /** Whether its spans are recorded. */
  readonly sampled: boolean;
  /** The ordering key of the job, if it has one. */
  readonly orderingKey?: string;
  readonly at: number;
}

/** Written after an answer, or after there was none. */
export interface AnswerEntry {
  readonly type: 'answer';
  readonly key: string;
  /** `unknown`: it may have been accepted or not. */
  readonly outcome: 'accepted' | 'refused' | 'unknown';
  /** 0: there was no answer. */
  readonly status: number;
  readonly code?: string;
  readonly jobId?: string;
  readonly traceId?: string;
  readonly durability?: string;
  readonly at: number;
  /** Asked again after the faults were over. */
  readonly replay?: true;
}

/** A fault that was done to the system. */
export interface FaultEntry {
  readonly type: 'fault';
  readonly name: string;
  readonly target: 'nats' | 'network' | 'worker' | 'edge' | 'stream';
  /** The process that it was done to. */
  readonly pid?: number;
  readonly at: number;
  /** When it was over; absent: it took no time. */
  readonly until?: number;
}

/** How many jobs were where at one moment. The places are asked in the order in which a job moves, so none is missed. */
export interface SampleEntry {
  readonly type: 'sample';
  readonly at: number;
  readonly outbox: number;
  readonly queued: number;
  /** The last sequence of `EVENTS`. */
  readonly eventsSequence: number;
}

export type LoadEntry = AttemptEntry | AnswerEntry | FaultEntry | SampleEntry;

/** What the collector saw in `EVENTS`. */
export interface EventEntry {
  readonly type: 'event';
  readonly jobId: string;
  readonly kind: EventKind;
  readonly attempt: number;
  readonly redriveCount: number;
  readonly sequence: number;
  /** When the stream stored it. */
  readonly at: number;
  readonly worker: string;
  /** The trace id in its body, and the one in its `traceparent`. */
  readonly traceId: string;
  readonly carriedTraceId: string;
}

/** What the collector saw in `DEAD`. */
export interface DeadEntry {
  readonly type: 'dead';
  readonly jobId: string;
  readonly sequence: number;
  readonly at: number;
}

export type CollectedEntry = EventEntry | DeadEntry;

/** Written by the operation itself. */
export interface EffectEntry {
  readonly jobId: string;
  readonly attempt: number;
  readonly phase: 'begin' | 'end';
  readonly at: number;
  readonly pid: number;
  readonly traceId: string;
}

/** Everything that was recorded in a run. */
export interface LedgerRecord {
  readonly load: readonly LoadEntry[];
  readonly collected: readonly CollectedEntry[];
  readonly effects: readonly EffectEntry[];
  /** The spans of the sampled traces; undefined: nothing was traced. */
  readonly spans: readonly SpanRecord[] | undefined;
  /** The time from the end of the last fault until all was quiet; undefined: it never was. */
  readonly drainMs: number | undefined;
}

/** The files of a run. */
export interface Ledger {
  readonly load: Journal<LoadEntry>;
  readonly collected: Journal<CollectedEntry>;
  /** Workers append to it. */
  readonly effectsFile: string;
  readonly close: () => Promise<void>;
  readonly read: () => Promise<Pick<LedgerRecord, 'load' | 'collected' | 'effects'>>;
}

/** Opens a ledger in an existing folder. */
export async function openLedger(directory: string): Promise<Ledger> {
  const loadFile = path.join(directory, 'load.jsonl');
  const collectedFile = path.join(directory, 'collected.jsonl');
  const effectsFile = path.join(directory, 'effects.jsonl');
  const load = await Journal.open<LoadEntry>(loadFile);
  const collected = await Journal.open<CollectedEntry>(collectedFile);
  return {
    load,
    collected,
    effectsFile,
    close: async () => {
      await load.close();
      await collected.close();
    },
    read: async () => ({
      load: await readJournal<LoadEntry>(loadFile),
      collected: await readJournal<CollectedEntry>(collectedFile),
      effects: await readJournal<EffectEntry>(effectsFile),
    }),
  };
}
