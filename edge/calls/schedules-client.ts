import type { Schedule, SchedulePage } from '../../shared/api/answers/schedule.ts';
import { ThroughlineError } from '../../shared/errors.ts';
import type { SubmitResult } from './commands.ts';
import { callObject } from './object-call.ts';
import type { SchedulesApi } from './objects.ts';
import type { Reply } from './reply.ts';
import type {
  ListSchedulesCommand,
  PauseScheduleCommand,
  PutSchedule,
  PutScheduleCommand,
  ScheduleCommand,
  TriggerScheduleCommand,
} from './schedule-commands.ts';

type Stub = DurableObjectStub<SchedulesApi>;
type Ask<C, T> = (schedules: Stub, command: C) => Promise<Reply<T>>;

/** A schedule is read and written without NATS. */
const LIMIT_MS = 3_000;
/** A trigger calls a bridge up to five times: to read the last job, to read its own job, and to submit while rules may change. */
const TRIGGER_CALLS = 5;

/** Calls the schedules of tenants: each tenant has an object of its own. Each method throws `schedules-unavailable`. */
export class SchedulesClient {
  readonly #namespace: DurableObjectNamespace<SchedulesApi>;
  readonly #brokerTimeoutMs: number;

  constructor(namespace: DurableObjectNamespace<SchedulesApi>, brokerTimeoutMs: number) {
    this.#namespace = namespace;
    this.#brokerTimeoutMs = brokerTimeoutMs;
  }

  /** Makes or changes a schedule. @throws ThroughlineError `request-invalid`, `quota-exceeded` */
  put(command: Omit<PutScheduleCommand, 'carrier'>): Promise<PutSchedule> {
    return this.#call('put', command, (schedules, complete) => schedules.put(complete));
  }

  /** A schedule with its runs; undefined when there is none. */
  read(command: Omit<ScheduleCommand, 'carrier'>): Promise<Schedule | undefined> {
    return this.#call('read', command, (schedules, complete) => schedules.read(complete));
  }

  /** A page of a tenant's schedules, by name. */
  list(command: Omit<ListSchedulesCommand, 'carrier'>): Promise<SchedulePage> {
    return this.#call('list', command, (schedules, complete) => schedules.list(complete));
  }

  /** How many schedules a tenant has. */
  count(tenant: string): Promise<number> {
    return this.#call('count', { tenant }, (schedules, complete) => schedules.count(complete));
  }

  /** Deletes a schedule. @returns whether there was one */
  remove(command: Omit<ScheduleCommand, 'carrier'>): Promise<boolean> {
    return this.#call('remove', command, (schedules, complete) => schedules.remove(complete));
  }

  /** Pauses or resumes a schedule; undefined when there is none. */
  pause(command: Omit<PauseScheduleCommand, 'carrier'>): Promise<Schedule | undefined> {
    return this.#call('pause', command, (schedules, complete) => schedules.pause(complete));
  }

  /**
   * Submits the job of a schedule now; undefined when there is no such schedule.
   * @throws ThroughlineError `schedule-busy`, and those of a submission
   */
  trigger(command: Omit<TriggerScheduleCommand, 'carrier'>): Promise<SubmitResult | undefined> {
    return this.#call('trigger', command, (schedules, complete) => schedules.trigger(complete));
  }

  #call<C extends { readonly tenant: string }, T>(
    method: 'put' | 'read' | 'list' | 'count' | 'remove' | 'pause' | 'trigger',
    command: C,
    ask: Ask<C & Pick<ScheduleCommand, 'carrier'>, T>,
  ): Promise<T> {
    const callsMs = method === 'trigger' ? TRIGGER_CALLS * this.#brokerTimeoutMs : 0;
    return callObject({
      kind: 'schedules',
      method,
      attributes: {},
      unavailable,
      limitMs: LIMIT_MS + callsMs,
      ask: (carrier) => ask(this.#namespace.getByName(command.tenant), { ...command, carrier }),
    });
  }
}

function unavailable(reason: string, cause: unknown): ThroughlineError {
  const message = `the schedules cannot be reached: ${reason}`;
  return new ThroughlineError('schedules-unavailable', message, { cause, retryAfterSeconds: 1 });
}
