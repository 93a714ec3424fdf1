import type { Schedule, SchedulePage } from '../shared/api/answers/schedule.ts';
import { ANSWERS, type Expected, NOTHING } from './answers.ts';
import { keyHeader, namePart } from './arguments.ts';
import type { CallOptions, ScheduleFilter } from './options.ts';
import { type Answer, queryOf, type Request } from './transport.ts';
import type { AnyOperations, JobOf, NameIn, ScheduleIn, ScheduleOf } from './typed.ts';

/** Sends a request of the client, and reads the answer. */
type Ask = <T>(
  expected: Expected<T>,
  url: string,
  options: CallOptions,
  request?: Request,
) => Promise<Answer<T>>;

/** The schedules of a tenant: jobs that run again and again. Each method throws what those of the client throw. */
export class Schedules<Registry = AnyOperations> {
  readonly #ask: Ask;
  /** Address of the schedules. */
  readonly url: string;

  /** @param url address of the schedules */
  constructor(url: string, ask: Ask) {
    this.url = url;
    this.#ask = ask;
  }

  /** Reads a page of schedules, in the order of their names. */
  async list(filter: ScheduleFilter = {}, options: CallOptions = {}): Promise<SchedulePage> {
    return (await this.#ask(ANSWERS.schedules, this.url + queryOf(filter), options)).value;
  }

  /** Reads a schedule, with its next runs and its last ones. */
  async get(name: string, options: CallOptions = {}): Promise<Schedule> {
    return (await this.#ask(ANSWERS.schedule, this.#urlOf(name), options)).value;
  }

  /**
   * Makes a schedule, or changes it to what is given. A field that is left out gets its default, except `paused`: without it,
   * a paused schedule stays paused. The same call once more changes nothing.
   * @returns the schedule, and whether it is new
   */
  async put<Operation = never>(
    name: string,
    schedule: ScheduleOf<Operation>,
    options?: CallOptions,
  ): Promise<{ schedule: Schedule; created: boolean }>;
  async put<Name extends NameIn<Registry>>(
    name: string,
    schedule: ScheduleIn<Registry, Name>,
    options?: CallOptions,
  ): Promise<{ schedule: Schedule; created: boolean }>;
  async put(
    name: string,
    schedule: unknown,
    options: CallOptions = {},
  ): Promise<{ schedule: Schedule; created: boolean }> {
    const request = { method: 'PUT', body: schedule };
    const answer = await this.#ask(ANSWERS.schedule, this.#urlOf(name), options, request);
    return { schedule: answer.value, created: answer.status === 201 };
  }

  /** Deletes a schedule. Its jobs stay. */
  async delete(name: string, options: CallOptions = {}): Promise<void> {
    await this.#ask(NOTHING, this.#urlOf(name), options, { method: 'DELETE' });
  }

  /** Makes no more runs, until the schedule is resumed. */
  async pause(name: string, options: CallOptions = {}): Promise<Schedule> {
    return await this.#post(ANSWERS.schedule, name, 'pause', options);
  }

  /** Makes runs again, from the next one on. */
  async resume(name: string, options: CallOptions = {}): Promise<Schedule> {
    return await this.#post(ANSWERS.schedule, name, 'resume', options);
  }

  /**
   * Runs the job of a schedule now, besides its other runs.
   * @param options with an `idempotencyKey`, the same call once more means the same job
   */
  async trigger<Operation = unknown>(
    name: string,
    { idempotencyKey, ...call }: CallOptions & { readonly idempotencyKey?: string | undefined } = {},
  ): Promise<JobOf<Operation>> {
    const job = await this.#post(ANSWERS.job, name, 'trigger', call, keyHeader(idempotencyKey));
    return job as JobOf<Operation>;
  }

  async #post<T>(
    expected: Expected<T>,
    name: string,
    action: string,
    options: CallOptions,
    headers: Request['headers'] = {},
  ): Promise<T> {
    const url = `${this.#urlOf(name)}/${action}`;
    return (await this.#ask(expected, url, options, { method: 'POST', headers })).value;
  }

  #urlOf(name: string): string {
    return `${this.url}/${namePart(name)}`;
  }
}
