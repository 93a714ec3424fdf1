/**
 * A Worker as people write it without a bridge: each request opens a connection to NATS, publishes one message with headers to
 * JetStream, waits for its ack, and closes the connection. It checks nothing and keeps nothing.
 */
import { DurableObject } from 'cloudflare:workers';
import { type NatsConnection, wsconnect } from '@nats-io/nats-core';
import { jobHeaders } from './job-headers.ts';

interface Env {
  readonly NATS_URL: string;
}

interface Job {
  readonly operation: string;
  readonly input: unknown;
}

/** The same edge as ours is started, with all its Durable Objects. These are never called. */
export class Bridge extends DurableObject {}
export { Bridge as JobIndex, Bridge as Schedules };

/** Publishes a job. @returns its sequence in the stream */
async function publish(connection: NatsConnection, id: string, { operation, input }: Job): Promise<number> {
  const subject = `jobs.normal.p0.bench.${id}.${operation}`;
  const ack = await connection.request(subject, JSON.stringify(input), {
    headers: jobHeaders(id),
    timeout: 4_000,
  });
  const { seq, error } = ack.json<{ readonly seq: number; readonly error?: unknown }>();
  if (error !== undefined) throw new Error(JSON.stringify(error));
  return seq;
}

export default {
  async fetch(request, env, ctx) {
    const job = (await request.json()) as Job;
    const id = crypto.randomUUID();
    const connection = await wsconnect({ servers: env.NATS_URL, reconnect: false });
    try {
      const sequence = await publish(connection, id, job);
      return Response.json({ id, operation: job.operation, state: 'queued', sequence }, { status: 202 });
    } finally {
      // The answer does not wait for the end of the connection.
      ctx.waitUntil(connection.close());
    }
  },
} satisfies ExportedHandler<Env>;
