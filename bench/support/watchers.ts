import { connect, headers, type NatsConnection } from '@nats-io/transport-node';
import type { Stack } from '../../dev/stack.ts';
import type { JobEvent } from '../../shared/job/event.ts';
import { writeEventHeaders } from '../../shared/wire/event-message.ts';
import { writeJson } from '../../shared/wire/json-body.ts';
import { eventSubject } from '../../shared/wire/subjects.ts';
import { call, type Tenant } from './tenants.ts';

const TICKS_PER_SECOND = 10;
const TIME = '2026-01-01T00:00:00.000Z';

/** Open event streams, each of a job of its own. Each job reports its progress once a second, as a worker would. */
export class Watchers {
  readonly #stack: Stack;
  readonly #tenant: Tenant;
  readonly #nats: NatsConnection;
  readonly #jobs: string[] = [];
  readonly #over = new AbortController();
  readonly #streams: Promise<void>[] = [];
  readonly #timer: NodeJS.Timeout;
  #tick = 0;
  #received = 0;

  private constructor(stack: Stack, tenant: Tenant, nats: NatsConnection) {
    this.#stack = stack;
    this.#tenant = tenant;
    this.#nats = nats;
    this.#timer = setInterval(() => this.#report(), 1_000 / TICKS_PER_SECOND);
  }

  /** @param tenant whose jobs are watched */
  static async start(stack: Stack, tenant: Tenant): Promise<Watchers> {
    return new Watchers(stack, tenant, await connect({ servers: stack.nats.url }));
  }

  get count(): number {
    return this.#jobs.length;
  }

  /** How many events have come, over all streams. */
  get received(): number {
    return this.#received;
  }

  /** Opens the event stream of a job. */
  async add(jobId: string): Promise<void> {
    const path = `/v1/jobs/${jobId}/events`;
    const headers = { accept: 'text/event-stream' };
    const response = await call(this.#stack, this.#tenant, path, undefined, headers, this.#over.signal);
    if (!response.ok || response.body === null)
      throw new Error(`${path}: ${response.status} ${await response.text()}`);
    this.#streams.push(this.#read(response.body).catch(() => undefined));
    this.#jobs.push(jobId);
  }

  async stop(): Promise<void> {
    clearInterval(this.#timer);
    this.#over.abort();
    await Promise.all(this.#streams);
    await this.#nats.close();
  }

  async #read(body: ReadableStream<Uint8Array>): Promise<void> {
    const decoder = new TextDecoder();
    for await (const chunk of body)
      this.#received += decoder.decode(chunk, { stream: true }).split('\ndata:').length - 1;
  }

  /** Publishes the events that are due in this tick. */
  #report(): void {
    const part = this.#tick++ % TICKS_PER_SECOND;
    for (let n = part; n < this.#jobs.length; n += TICKS_PER_SECOND) {
      const event = progressOf(this.#jobs[n] ?? '');
      const message = headers();
      const ids = { messageId: `${event.jobId}:${this.#tick}`, source: '/throughline/bench' };
      writeEventHeaders(event, ids, {}, (name, value) => message.set(name, value));
      const subject = eventSubject(this.#tenant.name, event.jobId);
      this.#nats.publish(subject, writeJson(event), { headers: message });
    }
  }
}

function progressOf(jobId: string): JobEvent {
  return {
    kind: 'progress',
    jobId,
    operation: 'bench.nap',
    attempt: 1,
    maxAttempts: 5,
    released: 0,
    acceptedAt: TIME,
    startedAt: TIME,
    at: new Date().toISOString(),
    worker: 'bench',
    traceId: '4bf92f3577b34da6a3ce929d0e0e4736',
    spanId: '',
    progress: { fraction: 0.5 },
  };
}
