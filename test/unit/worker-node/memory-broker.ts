import { JetStreamApiError, type JetStreamClient, type JetStreamManager } from '@nats-io/jetstream';
import type { MsgHdrs } from '@nats-io/transport-node';
import type { JobEvent } from '../../../shared/job/event.ts';
import { API_CODE } from '../../../shared/nats/api-error.ts';
import { readJobEvent } from '../../../shared/wire/event-message.ts';
import { HEADER } from '../../../shared/wire/headers.ts';
import { writeJson } from '../../../shared/wire/json-body.ts';
import { eventSubject } from '../../../shared/wire/subjects.ts';

export interface StoredMessage {
  readonly seq: number;
  readonly subject: string;
  readonly data: Uint8Array;
  readonly headers: MsgHdrs | undefined;
}

/** JetStream in memory: drops duplicates by their id, and refuses an event that does not follow the last one. */
export class MemoryBroker {
  readonly stored: StoredMessage[] = [];
  readonly #ids = new Map<string, number>();
  /** How often a message was asked for. */
  reads = 0;
  /** Set it to make each call fail. */
  fault: Error | undefined;

  readonly jetStream = {
    publish: async (subject: string, data: Uint8Array, { headers }: { headers: MsgHdrs }) => {
      if (this.fault !== undefined) throw this.fault;
      const id = headers.get(HEADER.msgId);
      const known = id === '' ? undefined : this.#ids.get(id);
      if (known !== undefined) return { seq: known, duplicate: true };
      const expected = headers.get(HEADER.expectedLast);
      if (expected !== '' && Number(expected) !== (this.#last(subject)?.seq ?? 0))
        throw new JetStreamApiError({
          code: 400,
          err_code: API_CODE.wrongLastSequence,
          description: 'taken',
        });
      const { seq } = this.store(subject, data, headers);
      this.#ids.set(id, seq);
      return { seq, duplicate: false };
    },
  } as unknown as JetStreamClient;

  readonly manager = {
    streams: {
      getMessage: async (_stream: string, { last_by_subj }: { last_by_subj: string }) => {
        if (this.fault !== undefined) throw this.fault;
        this.reads++;
        const last = this.#last(last_by_subj);
        return last === undefined ? null : { ...last, header: last.headers };
      },
    },
  } as unknown as JetStreamManager;

  store(subject: string, data: Uint8Array, headers?: MsgHdrs): StoredMessage {
    const message = { seq: this.stored.length + 1, subject, data, headers };
    this.stored.push(message);
    return message;
  }

  /** Stores an event as another worker would. */
  storeEvent(event: JobEvent, tenant = 'acme'): void {
    this.store(eventSubject(tenant, event.jobId), writeJson(event));
  }

  /** The events that were stored, in order. */
  get events(): JobEvent[] {
    return this.on('events').flatMap(({ data }) => readJobEvent(data) ?? []);
  }

  /** The messages whose subject begins with this word. */
  on(word: string): StoredMessage[] {
    return this.stored.filter(({ subject }) => subject.startsWith(`${word}.`));
  }

  #last(subject: string): StoredMessage | undefined {
    return this.stored.findLast((message) => message.subject === subject);
  }
}
