import { fileURLToPath } from 'node:url';
import { jetstreamManager } from '@nats-io/jetstream';
import { connect, type NatsConnection } from '@nats-io/transport-node';
import { type HistoryEvent, JobHistory } from '../../shared/api/answers/job-history.ts';
import { CallbackEvent } from '../../shared/job/callback-event.ts';
import { Job } from '../../shared/job/job.ts';
import { isCallbackEvent } from '../../shared/job/job-state.ts';
import { createCallbackSecret } from '../../shared/text/secret.ts';
import { atEndOfFile } from './cleanup.ts';
import { bodyOf } from './http/answers.ts';
import { type CallbackReceiver, type Received, startCallbackReceiver } from './http/callback-receiver.ts';
import { until } from './poll.ts';
import { startTestStack, type TestStack } from './stack.ts';
import { tenants } from './tenants.ts';

const RESOLVER = fileURLToPath(new URL('../fixtures/resolver.ts', import.meta.url));

export const MAX_ATTEMPTS = 4;
export const TIMEOUT_MS = 2_000;
/** The secrets of tenant demo. */
export const SECRETS = [createCallbackSecret(), createCallbackSecret()] as const;
const { callers, API_KEYS } = await tenants('demo', 'unsigned');
/** The key of a tenant without a secret. */
export const UNSIGNED_KEY = callers.unsigned.key;
export const asDemo = { authorization: `Bearer ${callers.demo.key}` };

/** The settings of a worker that tries often and soon; it may call `opened` although that is no public address. */
export const settings = (opened: string): Record<string, string> => ({
  WORKER_ACK_WAIT_MS: '1500',
  CALLBACK_ALLOW: opened,
  CALLBACK_MAX_ATTEMPTS: String(MAX_ATTEMPTS),
  CALLBACK_RETRY_MIN_MS: '40',
  CALLBACK_RETRY_MAX_MS: '200',
  CALLBACK_TIMEOUT_MS: String(TIMEOUT_MS),
});

type Headers = Readonly<Record<string, string>>;

/**
 * A system that calls back. Its methods act as tenant demo on the shared stack, unless a test gives other headers or
 * another stack.
 */
export class CallbackSystem {
  readonly receiver: CallbackReceiver;
  /** Tenant demo has secrets of its own there, and tenant unsigned has none. */
  readonly stack: TestStack;
  readonly nats: NatsConnection;

  private constructor(receiver: CallbackReceiver, stack: TestStack, nats: NatsConnection) {
    this.receiver = receiver;
    this.stack = stack;
    this.nats = nats;
  }

  /** Starts the system; it ends with the test file. */
  static async start(): Promise<CallbackSystem> {
    const receiver = await startCallbackReceiver();
    atEndOfFile(() => receiver.stop());
    const stack = await startTestStack({
      operationsFolder: 'test/fixtures/operations',
      edge: { API_KEYS },
      worker: {
        ...settings(receiver.origin),
        CALLBACK_SECRET: '',
        CALLBACK_SECRETS: JSON.stringify({ demo: SECRETS }),
        NODE_OPTIONS: `--import=${RESOLVER}`,
      },
    });
    const nats = await connect({ servers: stack.nats.url });
    atEndOfFile(() => nats.close());
    return new CallbackSystem(receiver, stack, nats);
  }

  /** @throws Error if the job is not accepted */
  async submit(body: Record<string, unknown>, headers: Headers = asDemo, on = this.stack): Promise<Job> {
    const response = await on.submit({ operation: 'echo', input: 1, ...body }, headers);
    const answered: unknown = await response.json();
    if (response.status > 202) throw new Error(`${response.status} ${JSON.stringify(answered)}`);
    return Job.parse(answered);
  }

  /** The field of a job that asks for a callback to a path of the receiver. */
  to(path: string, more: Record<string, unknown> = {}): { readonly callback: Record<string, unknown> } {
    return { callback: { url: `${this.receiver.origin}${path}`, ...more } };
  }

  async read(id: string, headers: Headers = asDemo, on = this.stack): Promise<Job> {
    return Job.parse(await (await on.call(`/v1/jobs/${id}`, { headers })).json());
  }

  async history(
    id: string,
    query = '',
    headers: Headers = asDemo,
    on = this.stack,
  ): Promise<readonly HistoryEvent[]> {
    const response = await on.call(`/v1/jobs/${id}/events${query}`, { headers });
    return (await bodyOf(JobHistory, response)).events;
  }

  /** The events of a job's callbacks, once so many callbacks have come to an end. */
  callbacksOf(id: string, ends = 1, headers: Headers = asDemo, on = this.stack): Promise<CallbackEvent[]> {
    return until(`the callback of ${id} to end`, async () => {
      const events = (await this.history(id, '', headers, on)).filter(isCallbackEvent);
      const over = events.filter(({ kind }) => kind !== 'callback-retrying');
      return over.length >= ends && events.map((event) => CallbackEvent.parse(event));
    });
  }

  /** The callbacks that arrived at a path, once there are so many. */
  arrived(path: string, count = 1): Promise<readonly Received[]> {
    return until(`${count} callbacks at ${path}`, () => {
      const all = this.receiver.at(path);
      return all.length >= count && all;
    });
  }

  /** How many callbacks are in the queue. */
  async pending(): Promise<number> {
    return (await (await jetstreamManager(this.nats)).streams.info('CALLBACKS')).state.messages;
  }
}

export interface CloudEvent {
  readonly [attribute: string]: unknown;
  readonly data: Job;
}
export const cloudEvent = ({ body }: Received): CloudEvent => JSON.parse(body);
