import type { JetStreamManager } from '@nats-io/jetstream';
import type { NatsConnection } from '@nats-io/transport-node';
import { type Pause, pausedOperation, readPause } from '../../shared/api/pause.ts';
import { describeThrown } from '../../shared/errors.ts';
import { OPERATIONS_BUCKET, OPERATIONS_STREAM, PAUSE_SUBJECTS } from '../../shared/nats/streams.ts';
import { parseJson } from '../../shared/text/json/parse-json.ts';
import { startInterval, type Timer } from '../../shared/timers.ts';
import type { WorkerLogger } from '../log.ts';
import { statusesOf } from './connection/statuses.ts';
import { lastMessages } from './last-message.ts';

const KEY_START = `$KV.${OPERATIONS_BUCKET}.`.length;

interface PauseWatchParts {
  readonly broker: { readonly connection: NatsConnection; readonly manager: JetStreamManager };
  /** How often the stored pauses are read again, in milliseconds: a message may be lost. */
  readonly rereadMs: number;
  readonly log: Pick<WorkerLogger, 'info' | 'warn'>;
}

/**
 * The operations that are paused: as the bucket `OPERATIONS` says at the start, and each change since. What was missed while
 * the connection was lost is read after the reconnect.
 */
export class PauseWatch {
  readonly #parts: PauseWatchParts;
  #pauses = new Map<string, Pause>();
  #heard = 0;
  #timer: Timer | undefined;
  #isStopped = false;

  private constructor(parts: PauseWatchParts) {
    this.#parts = parts;
  }

  /** Knows what is paused from the moment it resolves. If the pauses cannot be read, a warning is logged. */
  static async start(parts: PauseWatchParts): Promise<PauseWatch> {
    const watch = new PauseWatch(parts);
    watch.#listen();
    await watch.#read();
    watch.#timer = startInterval(parts.rereadMs, () => void watch.#read());
    void watch.#followConnection();
    return watch;
  }

  /** Who paused an operation; undefined if it is not paused. */
  pauseOf(operation: string): Pause | undefined {
    return this.#pauses.get(operation);
  }

  stop(): void {
    this.#isStopped = true;
    this.#timer?.stop();
  }

  #listen(): void {
    this.#parts.broker.connection.subscribe(PAUSE_SUBJECTS, {
      callback: (error, message) => {
        if (error !== null) return this.#warn(error);
        const operation = pausedOperation(message.subject.slice(KEY_START));
        if (operation === undefined) return;
        this.#heard++;
        const pauses = new Map(this.#pauses);
        const pause = readPause(parseJson(message.string()));
        if (pause === undefined) pauses.delete(operation);
        else pauses.set(operation, pause);
        this.#replace(pauses);
      },
    });
  }

  async #followConnection(): Promise<void> {
    try {
      for await (const { type } of statusesOf(this.#parts.broker.connection))
        if (type === 'reconnect') void this.#read();
    } catch (thrown) {
      this.#warn(thrown);
    }
  }

  /** Reads what is stored. If a change comes meanwhile, what was read may be older than the change: it is read again. */
  async #read(): Promise<void> {
    try {
      for (;;) {
        const heard = this.#heard;
        const pauses = await readPauses(this.#parts.broker.manager);
        if (heard !== this.#heard) continue;
        this.#replace(pauses);
        return;
      }
    } catch (thrown) {
      this.#warn(thrown);
    }
  }

  /** Logs what changes: the line says who did it. */
  #replace(pauses: Map<string, Pause>): void {
    const { log } = this.#parts;
    for (const [operation, pause] of pauses)
      if (this.#pauses.get(operation)?.since !== pause.since)
        log.info({ operation, ...pause }, 'operation paused');
    for (const operation of this.#pauses.keys())
      if (!pauses.has(operation)) log.info({ operation }, 'operation resumed');
    this.#pauses = pauses;
  }

  #warn(thrown: unknown): void {
    if (this.#isStopped) return;
    const reason = describeThrown(thrown);
    this.#parts.log.warn({ reason }, 'it is not known which operations are paused');
  }
}

/** The pauses that the bucket holds now, by operation. @throws whatever the NATS client throws */
export async function readPauses(manager: JetStreamManager): Promise<Map<string, Pause>> {
  const pauses = new Map<string, Pause>();
  for await (const message of lastMessages(manager, OPERATIONS_STREAM, PAUSE_SUBJECTS)) {
    const pause = readPause(parseJson(message.string()));
    const operation = pausedOperation(message.subject.slice(KEY_START));
    if (pause !== undefined && operation !== undefined) pauses.set(operation, pause);
  }
  return pauses;
}
