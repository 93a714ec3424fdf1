import type { JetStreamManager } from '@nats-io/jetstream';
import { isTerminalEvent, JobEvent } from '../../../shared/job/event.ts';
import { API_CODE } from '../../../shared/nats/api-error.ts';
import { EVENTS_STREAM } from '../../../shared/nats/streams.ts';
import { parseJson } from '../../../shared/text/json/parse-json.ts';
import { schemaFaults } from '../../../shared/text/schema-faults.ts';
import { type HeaderValues, headerValues } from '../../../shared/wire/headers.ts';
import { ifThere } from '../../../worker-node/broker/connection/api-error.ts';

/** An event as the stream has it. */
export interface StoredEvent {
  readonly sequence: number;
  readonly values: HeaderValues;
  readonly data: Uint8Array;
  /** The body, as far as it could be read: a missing part is empty. */
  readonly body: JobEvent;
  /** What is wrong with the body; undefined if it can be read. */
  readonly fault: string | undefined;
  readonly isEnd: boolean;
}

const NOTHING: JobEvent = {
  kind: 'started',
  jobId: '',
  operation: '',
  attempt: -1,
  maxAttempts: 0,
  released: 0,
  acceptedAt: '',
  at: '',
  worker: '',
  traceId: '',
  spanId: '',
};

/** The events on a subject, oldest first. */
export async function storedEvents(manager: JetStreamManager, subject: string): Promise<StoredEvent[]> {
  const events: StoredEvent[] = [];
  for (let sequence = 1; ; ) {
    const message = await nextMessage(manager, subject, sequence);
    if (message === undefined) return events;
    events.push({
      sequence: message.seq,
      values: headerValues(message.header),
      data: message.data,
      ...readBody(message.data),
    });
    sequence = message.seq + 1;
  }
}

async function nextMessage(manager: JetStreamManager, subject: string, sequence: number) {
  const query = { seq: sequence, next_by_subj: subject };
  const asked = manager.streams.getMessage(EVENTS_STREAM, query);
  return (await ifThere(asked, API_CODE.messageNotFound)) ?? undefined;
}

function readBody(data: Uint8Array): Pick<StoredEvent, 'body' | 'fault' | 'isEnd'> {
  const json = parseJson(new TextDecoder().decode(data));
  const { data: event, error } = JobEvent.safeParse(json);
  if (event !== undefined) return { body: event, fault: undefined, isEnd: isTerminalEvent(event) };
  const parts = typeof json === 'object' && json !== null ? json : {};
  const body = { ...NOTHING, ...parts } as JobEvent;
  return {
    body,
    fault: schemaFaults(error),
    isEnd: isTerminalEvent(body),
  };
}
