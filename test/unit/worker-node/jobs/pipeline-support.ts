import { type NatsConnection, headers as natsHeaders } from '@nats-io/transport-node';
import { onTestFinished } from 'vitest';
import * as z from 'zod';
import { CALLBACK_ENDS, type CallbackEnd } from '../../../../shared/job/callback.ts';
import type { JobEvent } from '../../../../shared/job/event.ts';
import { writeJobSpec } from '../../../../shared/wire/job-headers.ts';
import { BrokerRetry } from '../../../../worker-node/broker/broker-retry.ts';
import { CallbackPublisher } from '../../../../worker-node/broker/callbacks/callback-publisher.ts';
import type { Delivery } from '../../../../worker-node/broker/consume/delivery.ts';
import { EventPublisher } from '../../../../worker-node/broker/event-publisher.ts';
import { JobRecords } from '../../../../worker-node/broker/job-record.ts';
import { LimitStore } from '../../../../worker-node/broker/limits/limit-store.ts';
import { StoredPublisher } from '../../../../worker-node/broker/stored-publisher.ts';
import { CancelMemory } from '../../../../worker-node/jobs/cancel-memory.ts';
import { Limits } from '../../../../worker-node/jobs/limits/limits.ts';
import { MissingPauses } from '../../../../worker-node/jobs/missing-pauses.ts';
import { Pauses } from '../../../../worker-node/jobs/pauses.ts';
import { JobPipeline } from '../../../../worker-node/jobs/pipeline.ts';
import {
  defineOperation,
  type OperationDefinition,
  type RunContext,
} from '../../../../worker-node/operations/operation.ts';
import { createRegistry } from '../../../../worker-node/operations/operation-registry.ts';
import { MemoryBroker } from '../memory-broker.ts';
import { quiet, SUCCEEDED } from '../support.ts';

/** A connection that brings no messages. */
const NO_MESSAGES = { subscribe: () => ({ unsubscribe: () => undefined }) } as unknown as NatsConnection;

export type Handler = (context: RunContext<unknown>) => unknown;

export let broker: MemoryBroker;
export let cancels: CancelMemory;
export let conclusions: string[];
/** `error.type` of each delivery, as the metric has it. */
export let errorTypes: (string | undefined)[];
/** The limits for which attempts waited. */
export let waited: string[];
/** Whether another host of the group has every operation. */
let isServedElsewhere: boolean;
/** What a test sets before it makes a pipeline, and what the pipeline counted. */
export const host = {
  /** What the worker draws for its pauses. */
  random: 0.5,
  /** How many bytes NATS takes in a message. */
  maxPayload: 1_048_576,
  /** The operations that are paused. */
  paused: new Set<string>(),
  /** How many records were counted that cannot be read. */
  unreadable: 0,
};
export let patience: AbortController;
/** Its signal tells the pipeline that the worker stops. */
export let stop: AbortController;

/** Makes everything new. Call it before each test: test files share their modules. */
export function setUpPipeline(): void {
  broker = new MemoryBroker();
  cancels = new CancelMemory();
  conclusions = [];
  errorTypes = [];
  waited = [];
  isServedElsewhere = false;
  host.paused.clear();
  Object.assign(host, { random: 0.5, maxPayload: 1_048_576, unreadable: 0 });
  patience = new AbortController();
  stop = new AbortController();
}

/** Another host of the group has every operation from now on. */
export function serveElsewhere(): void {
  isServedElsewhere = true;
}

/** A pipeline whose operation `echo` is this handler. */
export function pipelineOf(handler: Handler, definition: Partial<OperationDefinition> = {}) {
  const operation = defineOperation({
    name: 'echo',
    input: z.unknown(),
    ...definition,
    run: handler,
  });
  const retry = new BrokerRetry({ log: quiet, patience: patience.signal });
  const publisher = new StoredPublisher(broker.jetStream, retry, 'worker-1', () => host.maxPayload);
  return new JobPipeline({
    clock: { aheadMs: 0 },
    limits: limitsAt(broker, publisher, retry),
    isReplaced: async () => false,
    pauses: pausesOf(host.paused),
    publisher,
    events: new EventPublisher(publisher),
    records: new JobRecords(broker.manager, retry),
    callbacks: new CallbackPublisher(publisher),
    cancels,
    registry: createRegistry([operation]),
    log: quiet,
    metrics: {
      jobSettled: (conclusion) => void conclusions.push(conclusion),
      contextExtracted: () => undefined,
      messageProcessed: (_destination, _ms, errorType) => void errorTypes.push(errorType),
      attemptStarted: () => undefined,
      attemptEnded: () => undefined,
      recordUnreadable: () => void host.unreadable++,
    },
    worker: 'worker-1',
    group: 'workers',
    ackWaitMs: 30_000,
    tracing: false,
    random: () => host.random,
    missing: new MissingPauses({
      hosts: { serves: () => isServedElsewhere },
      random: () => host.random,
      now: () => 0,
    }),
  });
}

/** The pauses of a host that knows these operations as paused. */
export function pausesOf(paused: ReadonlySet<string>): Pauses {
  const pause = { by: 'ada', since: '2026-01-01T00:00:00.000Z' };
  return new Pauses({
    watch: { pauseOf: (name) => (paused.has(name) ? pause : undefined) },
    random: () => 0.5,
  });
}

/** The limits by key of a host, in the memory broker. */
export function limitsAt(
  { manager }: Pick<MemoryBroker, 'manager'>,
  publisher: StoredPublisher,
  retry: BrokerRetry,
): Limits {
  const limits = new Limits({
    store: new LimitStore({ connection: NO_MESSAGES, manager, publisher, retry }),
    leaseMs: 30_000,
    parked: 4,
    log: quiet,
    random: () => host.random,
    metrics: { jobWaited: (by) => void waited.push(by) },
  });
  onTestFinished(() => limits.stop());
  return limits;
}

export const kinds = (): string[] => broker.events.map(({ kind, worker }) => `${kind} by ${worker}`);
export const cancel = (sequence = 1): void =>
  cancels.hear({ tenant: 'acme', jobId: 'job-1', sequence, sentBy: undefined });
export const byOther = (kind: JobEvent['kind'], more: Partial<JobEvent> = {}): JobEvent => ({
  ...SUCCEEDED,
  kind,
  worker: 'worker-2',
  startedAt: '2026-01-01T00:00:01.000Z',
  ...more,
});
export const never = (): Promise<never> => new Promise(() => undefined);

/** Handlers that are cut off. */
export const cancelled: Handler = () => {
  cancel();
  return never();
};
export const stopped: Handler = () => {
  stop.abort();
  return never();
};
export const superseded: Handler = ({ progress }) => {
  progress({ fraction: 0.5 });
  return never();
};

/** Headers of a job that asks for a callback at these ends. */
export function withCallback(events: readonly CallbackEnd[] = CALLBACK_ENDS): Pick<Delivery, 'headers'> {
  const headers = natsHeaders();
  writeJobSpec({ callback: { url: 'https://acme.example/', events } }, (name, value) =>
    headers.set(name, value),
  );
  return { headers };
}
