/**
 * The limit of the edge's design: a Worker that reads a body, makes one call to a Durable Object, which publishes one message with
 * headers to JetStream and waits for its ack. It checks nothing, logs nothing, traces nothing, and keeps nothing.
 */
import { DurableObject } from 'cloudflare:workers';
import { type NatsConnection, wsconnect } from '@nats-io/nats-core';
import { RequestOne } from '@nats-io/nats-core/internal';
import { answerWithoutError } from '../../shared/nats/client/answered-requests.ts';
import { jobHeaders } from './job-headers.ts';

interface Env {
  readonly BRIDGE: DurableObjectNamespace<Bridge>;
  readonly NATS_URL: string;
  /** How many objects share the jobs. Each has a connection of its own. */
  readonly BRIDGE_SHARDS: string;
}

interface Job {
  readonly operation: string;
  readonly input: unknown;
}

/** Owns the connection to NATS, as our bridge does. */
export class Bridge extends DurableObject<Env> {
  #connection: Promise<NatsConnection> | undefined;

  /** Publishes a job. @returns its sequence in the stream */
  async publish(id: string, { operation, input }: Job): Promise<number> {
    this.#connection ??= this.#connect();
    const connection = await this.#connection;
    const ack = await connection.request(`jobs.normal.p0.bench.${id}.${operation}`, JSON.stringify(input), {
      headers: jobHeaders(id),
      timeout: 4_000,
    });
    const { seq, error } = ack.json<{ readonly seq: number; readonly error?: unknown }>();
    if (error !== undefined) throw new Error(JSON.stringify(error));
    return seq;
  }

  #connect(): Promise<NatsConnection> {
    answerWithoutError(RequestOne);
    return wsconnect({ servers: this.env.NATS_URL, noAsyncTraces: true, reconnect: false });
  }
}

/** The same edge as ours is started, with all its Durable Objects. These are never called. */
export { Bridge as JobIndex, Bridge as Schedules };

let jobs = 0;

export default {
  async fetch(request, env) {
    const job = (await request.json()) as Job;
    const id = crypto.randomUUID();
    const bridge = env.BRIDGE.getByName(`bridge-${jobs++ % Number(env.BRIDGE_SHARDS)}`);
    const sequence = await bridge.publish(id, job);
    return Response.json({ id, operation: job.operation, state: 'queued', sequence }, { status: 202 });
  },
} satisfies ExportedHandler<Env>;
