import { createHash } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import { jobIdFor, jobIdForBridgeOf } from '../../../edge/http/requests/idempotency.ts';
import type { Journal } from '../ledger/journal.ts';
import type { AnswerEntry, AttemptEntry, LoadEntry } from '../ledger/ledger.ts';
import type { Dice } from './dice.ts';

const ANSWER_TIMEOUT_MS = 20_000;
const PAUSE_MS = { from: 100, to: 600 };

interface LoadOptions {
  readonly url: () => string;
  readonly apiKey: string;
  readonly tenant: string;
  readonly journal: Journal<LoadEntry>;
  readonly dice: Dice;
  /** Jobs in all. */
  readonly jobs: number;
  /** How many callers there are; each sends one request after the other. */
  readonly callers: number;
  /** How many jobs a request may have. */
  readonly batch: number;
  /** At most so many jobs a second, all callers together; absent: as many as are answered. */
  readonly perSecond?: number | undefined;
  /** Whether each caller sends an equal share of the jobs, in order; absent: each sends the job that is next. */
  readonly shares?: boolean | undefined;
  /** The part of the requests whose spans are recorded; from 0 to 1. */
  readonly sampled: number;
  /** @param caller the number of the caller that sends the job, from 0 */
  readonly body: (dice: Dice, caller: number) => Record<string, unknown>;
}

/** The numbers of the jobs that a caller, or all callers together, have to send. */
interface Share {
  next: number;
  readonly end: number;
}

interface Unsent {
  readonly key: string;
  readonly jobId: string;
  readonly body: Record<string, unknown>;
}

interface Caller {
  readonly traceparent: string;
  readonly traceId: string;
  readonly sampled: boolean;
}

type Verdict = Omit<AnswerEntry, 'type' | 'key' | 'at'>;

/**
 * Callers that submit jobs and do not give up: a request that was refused for now, or not answered, is sent again with
 * the same key and in the same trace. The ledger gets an entry before each request and after each answer.
 */
export class Load {
  readonly #options: LoadOptions;
  readonly #name: string;
  readonly #waiting: { readonly count: number; readonly reached: () => void }[] = [];
  #ended = false;
  readonly #unresolved = new Map<string, { readonly unsent: Unsent; readonly caller: Caller }>();
  readonly #accepted = new Set<string>();
  #taken = 0;
  #running: Promise<unknown> = Promise.resolve();
  #givingUp = false;
  #began = 0;

  constructor(options: LoadOptions) {
    this.#options = options;
    this.#name = options.dice.hex(8);
  }

  /** Jobs that were accepted so far. */
  get accepted(): number {
    return this.#accepted.size;
  }

  start(): void {
    this.#began = Date.now();
    const { callers: count, jobs, shares = false } = this.#options;
    const all = { next: 0, end: jobs };
    const size = Math.floor(jobs / count);
    const callers = Array.from({ length: count }, (_, caller) =>
      this.#call(caller, shares ? { next: caller * size, end: (caller + 1) * size } : all),
    );
    this.#running = Promise.all(callers).finally(() => {
      this.#ended = true;
      for (const { reached } of this.#waiting) reached();
    });
  }

  /** Resolves when so many jobs were accepted, or when no more will be accepted. */
  async reaches(count: number): Promise<void> {
    if (this.#ended || this.accepted >= count) return;
    await new Promise<void>((reached) => this.#waiting.push({ count, reached }));
  }

  /** Resolves when every job was accepted, or refused for ever. */
  async done(): Promise<void> {
    await this.#running;
  }

  /** Stops new jobs and repeated requests. Keys without an outcome stay open, for {@link replay}. */
  async giveUp(): Promise<void> {
    this.#givingUp = true;
    await this.#running;
  }

  /** After the faults: sends each key again whose outcome is unknown. */
  async replay(): Promise<void> {
    for (const { unsent, caller } of [...this.#unresolved.values()]) {
      while (this.#unresolved.has(unsent.key)) await this.#send([unsent], undefined, caller, true);
    }
  }

  async #call(caller: number, share: Share): Promise<void> {
    const { batch, dice } = this.#options;
    while (share.next < share.end && !this.#givingUp) {
      const size = Math.min(share.end - share.next, batch === 1 || dice.next() < 0.5 ? 1 : batch);
      const first = share.next;
      share.next += size;
      const taken = this.#taken;
      this.#taken += size;
      await this.#pace(taken);
      await this.#submit(caller, first, size);
    }
  }

  async #pace(index: number): Promise<void> {
    const { perSecond } = this.#options;
    if (perSecond === undefined) return;
    const ahead = (index / perSecond) * 1_000 - (Date.now() - this.#began);
    if (ahead > 0) await delay(ahead);
  }

  async #submit(number: number, first: number, size: number): Promise<void> {
    const { dice, tenant, body } = this.#options;
    const requestKey = `${this.#name}-${first}`;
    const caller = this.#caller();
    const places = size === 1 ? [undefined] : Array.from({ length: size }, (_, index) => index);
    const all = await Promise.all(
      places.map(async (place) => {
        const one = body(dice, number);
        const keyed = { key: requestKey, place };
        const { orderingKey } = one;
        const id =
          typeof orderingKey === 'string'
            ? jobIdForBridgeOf(tenant, keyed, orderingKey)
            : jobIdFor(tenant, keyed);
        return {
          key: place === undefined ? requestKey : `${requestKey}/${place}`,
          jobId: await id,
          body: one,
        };
      }),
    );
    // A batch is always sent as a whole: the place in it is part of the key.
    do {
      await this.#send(all, size === 1 ? undefined : requestKey, caller, false);
      if (!all.some(({ key }) => this.#unresolved.has(key)) || this.#givingUp) return;
      await delay(dice.between(PAUSE_MS.from, PAUSE_MS.to));
    } while (!this.#givingUp);
  }

  #caller(): Caller {
    const { dice } = this.#options;
    const traceId = dice.hex(32);
    const spanId = dice.hex(16);
    const sampled = dice.next() < this.#options.sampled;
    return { traceId, sampled, traceparent: `00-${traceId}-${spanId}-0${sampled ? 1 : 0}` };
  }

  async #send(
    jobs: readonly Unsent[],
    batchKey: string | undefined,
    caller: Caller,
    replay: boolean,
  ): Promise<void> {
    const { journal } = this.#options;
    const { traceId, sampled } = caller;
    for (const unsent of jobs) this.#unresolved.set(unsent.key, { unsent, caller });
    await journal.append(
      ...jobs.map(({ key, jobId, body }): AttemptEntry => {
        const { orderingKey } = body;
        return {
          type: 'attempt',
          key,
          jobId,
          bodyHash: hash(body),
          traceId,
          sampled,
          at: Date.now(),
          ...(typeof orderingKey === 'string' ? { orderingKey } : {}),
        };
      }),
    );
    const verdicts = await this.#ask(jobs, batchKey, caller);
    const at = Date.now();
    await journal.append(
      ...jobs.map(({ key }, index): AnswerEntry => {
        const verdict = verdicts[index] ?? UNANSWERED;
        return { type: 'answer', key, ...verdict, at, ...(replay ? { replay } : {}) };
      }),
    );
    for (const [index, { key }] of jobs.entries()) this.#settle(key, verdicts[index] ?? UNANSWERED);
  }

  #settle(key: string, verdict: Verdict): void {
    if (verdict.outcome === 'accepted') this.#count(key);
    if (verdict.outcome === 'accepted' || !isWorthTrying(verdict)) this.#unresolved.delete(key);
  }

  #count(key: string): void {
    this.#accepted.add(key);
    for (const { count, reached } of this.#waiting) if (this.accepted >= count) reached();
  }

  async #ask(
    jobs: readonly Unsent[],
    batchKey: string | undefined,
    caller: Caller,
  ): Promise<readonly Verdict[]> {
    const { url, apiKey } = this.#options;
    const [only] = jobs;
    const single = batchKey === undefined;
    try {
      const response = await fetch(`${url()}/v1/jobs${single ? '' : '/batch'}`, {
        method: 'POST',
        headers: {
          authorization: `Bearer ${apiKey}`,
          'content-type': 'application/json',
          'idempotency-key': batchKey ?? only?.key ?? '',
          traceparent: caller.traceparent,
        },
        body: JSON.stringify(single ? only?.body : { jobs: jobs.map(({ body }) => body) }),
        signal: AbortSignal.timeout(ANSWER_TIMEOUT_MS),
      });
      const answer = (await response.json()) as Answer & { results?: Answer[] };
      if (single || answer.results === undefined) return jobs.map(() => verdictOf(response.status, answer));
      return answer.results.map((result) =>
        verdictOf(result.status ?? 0, result.job ?? result.problem ?? {}),
      );
    } catch {
      return jobs.map(() => UNANSWERED);
    }
  }
}

interface Answer {
  readonly id?: string;
  readonly traceId?: string;
  readonly durability?: string;
  readonly code?: string;
  readonly status?: number;
  readonly job?: Answer;
  readonly problem?: Answer;
}

const UNANSWERED: Verdict = { outcome: 'unknown', status: 0 };

function verdictOf(status: number, { id, traceId, durability, code }: Answer): Verdict {
  if (status === 200 || status === 202) {
    return {
      outcome: 'accepted',
      status,
      ...(id === undefined ? {} : { jobId: id }),
      ...(traceId === undefined ? {} : { traceId }),
      ...(durability === undefined ? {} : { durability }),
    };
  }
  return {
    outcome: isDefinite(status, code) ? 'refused' : 'unknown',
    status,
    ...(code === undefined ? {} : { code }),
  };
}

/** After `broker-unavailable` it is unknown whether the job was stored (docs/HTTP-API.md, "Errors"). */
function isDefinite(status: number, code: string | undefined): boolean {
  if (status >= 400 && status < 500) return true;
  return status === 503 && code !== undefined && code !== 'broker-unavailable';
}

function isWorthTrying({ status }: Verdict): boolean {
  return status === 0 || status === 429 || status >= 500;
}

function hash(body: unknown): string {
  return createHash('sha256').update(JSON.stringify(body)).digest('hex').slice(0, 16);
}
