import { jetstreamManager } from '@nats-io/jetstream';
import type { NatsConnection } from '@nats-io/transport-node';
import { CallbackEvent, isCallbackEvent } from '../../shared/job/callback-event.ts';
import type { HistoryEvent } from '../../shared/job/event-record.ts';
import { Job } from '../../shared/job/job.ts';
import { createCallbackSecret } from '../../shared/text/callback-secret.ts';
import type { CallbackReceiver, Received } from './http/callback-receiver.ts';
import { until } from './poll.ts';
import { startTestStack, type TestStack } from './stack.ts';
import { tenants } from './tenants.ts';

export const MAX_ATTEMPTS = 4;
export const TIMEOUT_MS = 700;
/** Those of tenant demo. */
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

/** A whole path where tenant demo has secrets of its own, and tenant unsigned has none. */
export function startCallbackStack({ origin }: CallbackReceiver): Promise<TestStack> {
  return startTestStack({
    operationsFolder: 'test/fixtures/operations',
    edge: { API_KEYS },
    worker: {
      ...settings(origin),
      CALLBACK_SECRET: '',
      CALLBACK_SECRETS: JSON.stringify({ demo: SECRETS }),
    },
  });
}

/** What a test does with callbacks; as tenant demo and on the shared stack, unless it says otherwise. */
export interface Callbacks {
  readonly submit: (
    body: Record<string, unknown>,
    more?: Record<string, string>,
    on?: TestStack,
  ) => Promise<Job>;
  /** The callback of a test of its own. */
  readonly to: (
    place: string,
    more?: Record<string, unknown>,
  ) => { readonly callback: Record<string, unknown> };
  readonly read: (id: string, more?: Record<string, string>, on?: TestStack) => Promise<Job>;
  readonly history: (
    id: string,
    query?: string,
    more?: Record<string, string>,
    on?: TestStack,
  ) => Promise<HistoryEvent[]>;
  /** What became of a job's callbacks, once the last of them is told and has come to an end. */
  readonly callbacksOf: (
    id: string,
    ends?: number,
    more?: Record<string, string>,
    on?: TestStack,
  ) => Promise<CallbackEvent[]>;
  /** What arrived at a place, once it is so many. */
  readonly arrived: (place: string, count?: number) => Promise<readonly Received[]>;
}

/** Stack and receiver are asked for at each call. */
export function callbacks(stack: () => TestStack, receiver: () => CallbackReceiver): Callbacks {
  const submit: Callbacks['submit'] = async (body, more = asDemo, on = stack()) => {
    const response = await on.submit({ operation: 'echo', input: 1, ...body }, more);
    const answered: unknown = await response.json();
    if (response.status > 202) throw new Error(`${response.status} ${JSON.stringify(answered)}`);
    return Job.parse(answered);
  };
  const to: Callbacks['to'] = (place, more = {}) => ({
    callback: { url: `${receiver().origin}${place}`, ...more },
  });
  const read: Callbacks['read'] = async (id, more = asDemo, on = stack()) =>
    Job.parse(await (await on.call(`/v1/jobs/${id}`, { headers: more })).json());
  const history: Callbacks['history'] = async (id, query = '', more = asDemo, on = stack()) => {
    const response = await on.call(`/v1/jobs/${id}/events${query}`, { headers: more });
    return ((await response.json()) as { events: HistoryEvent[] }).events;
  };
  const callbacksOf: Callbacks['callbacksOf'] = (id, ends = 1, more = asDemo, on = stack()) =>
    until(`the callback of ${id} to end`, async () => {
      const events = (await history(id, '', more, on)).filter(isCallbackEvent);
      const over = events.filter(({ kind }) => kind !== 'callback-retrying');
      return over.length >= ends && events.map((event) => CallbackEvent.parse(event));
    });
  const arrived: Callbacks['arrived'] = (place, count = 1) =>
    until(`${count} callbacks at ${place}`, () => {
      const all = receiver().at(place);
      return all.length >= count && all;
    });
  return { submit, to, read, history, callbacksOf, arrived };
}

export interface CloudEvent {
  readonly [attribute: string]: unknown;
  readonly data: Job;
}
export const cloudEvent = ({ body }: Received): CloudEvent => JSON.parse(body);

/** Callback tasks that are not settled. */
export async function pendingCallbacks(nats: NatsConnection): Promise<number> {
  return (await (await jetstreamManager(nats)).streams.info('CALLBACKS')).state.messages;
}
