/**
 * The limit of the way from a request to the end of its job: like `minimal-bridge.ts`, but the request waits for the event that the
 * worker of `peers/plain-wait-program.ts` stores. One subscription of each object brings the events of all jobs.
 */
import { DurableObject } from 'cloudflare:workers';
import { type NatsConnection, wsconnect } from '@nats-io/nats-core';
import { jobHeaders } from './job-headers.ts';

interface Env {
  readonly BRIDGE: DurableObjectNamespace<Bridge>;
  readonly NATS_URL: string;
}

interface Job {
  readonly operation: string;
  readonly input: unknown;
}

export class Bridge extends DurableObject<Env> {
  #connection: Promise<NatsConnection> | undefined;
  readonly #waiting = new Map<string, (result: unknown) => void>();

  /** Publishes a job. @returns its result */
  async run(id: string, { operation, input }: Job): Promise<unknown> {
    this.#connection ??= this.#connect();
    const connection = await this.#connection;
    const result = new Promise((resolve) => this.#waiting.set(id, resolve));
    const ack = await connection.request(`jobs.bench.${id}.${operation}`, JSON.stringify(input), {
      headers: jobHeaders(id),
      timeout: 4_000,
    });
    const { error } = ack.json<{ readonly error?: unknown }>();
    if (error !== undefined) throw new Error(JSON.stringify(error));
    return await result;
  }

  async #connect(): Promise<NatsConnection> {
    const connection = await wsconnect({ servers: this.env.NATS_URL, noAsyncTraces: true, reconnect: false });
    const callback = (_: unknown, message: { subject: string; json(): unknown }): void => {
      const id = message.subject.slice(message.subject.lastIndexOf('.') + 1);
      this.#waiting.get(id)?.(message.json());
      this.#waiting.delete(id);
    };
    connection.subscribe('events.bench.*', { callback });
    return connection;
  }
}

/** The same edge as ours is started, with all its Durable Objects. These are never called. */
export { Bridge as JobIndex, Bridge as Schedules };

export default {
  async fetch(request, env) {
    const job = (await request.json()) as Job;
    const id = crypto.randomUUID();
    const result = await env.BRIDGE.getByName('bridge').run(id, job);
    return Response.json({ id, operation: job.operation, state: 'succeeded', result });
  },
} satisfies ExportedHandler<Env>;
