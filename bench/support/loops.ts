import { setTimeout as delay } from 'node:timers/promises';
import type { Stack } from '../../dev/stack.ts';
import { call, type Tenant } from './tenants.ts';

/** What a tenant does again and again until it is stopped, and how it was answered. */
export class Loops {
  readonly #stack: Pick<Stack, 'url'>;
  readonly #tenant: Tenant;
  readonly #pauseMs: number;
  readonly #over = new AbortController();
  readonly #running: Promise<unknown>[] = [];
  readonly #answers = new Map<string, number>();

  /** @param pauseMs between the end of one step of a loop and the next */
  constructor(stack: Pick<Stack, 'url'>, tenant: Tenant, pauseMs: number) {
    this.#stack = stack;
    this.#tenant = tenant;
    this.#pauseMs = pauseMs;
  }

  /** How many answers of each kind came: by their code if they are refusals, else by their status. */
  get answers(): string {
    return [...this.#answers].map(([answer, count]) => `${answer}: ${count}`).join(', ');
  }

  /** Starts loops that do this. A step that fails is one more answer. */
  repeat(act: () => Promise<unknown>, loops = 1): void {
    const run = async (): Promise<void> => {
      while (!this.#over.signal.aborted) {
        await act().catch(() => this.#over.signal.aborted || this.#count('no answer'));
        await delay(this.#pauseMs);
      }
    };
    for (let loop = 0; loop < loops; loop++) this.#running.push(run());
  }

  /** Sends a request, as `call`, and reads the answer as JSON. */
  async send(path: string, body?: unknown, headers: Readonly<Record<string, string>> = {}): Promise<unknown> {
    const response = await call(this.#stack, this.#tenant, path, body, headers, this.#over.signal);
    const answer = (await response.json()) as Answer;
    for (const one of answer.results ?? [answer])
      this.#count(one.problem?.code ?? one.code ?? String(one.status ?? response.status));
    return answer;
  }

  /** Follows the events of a job to its end, or until the loops are stopped. */
  async follow(jobId: string): Promise<void> {
    const headers = { accept: 'text/event-stream' };
    const path = `/v1/jobs/${jobId}/events`;
    const response = await call(this.#stack, this.#tenant, path, undefined, headers, this.#over.signal);
    const { code } = response.ok ? {} : ((await response.json()) as Answer);
    this.#count(code ?? `stream ${response.status}`);
    if (response.ok) await response.text();
  }

  async stop(): Promise<void> {
    this.#over.abort();
    await Promise.allSettled(this.#running);
  }

  #count(answer: string): void {
    this.#answers.set(answer, (this.#answers.get(answer) ?? 0) + 1);
  }
}

interface Answer {
  readonly code?: string;
  readonly status?: number;
  readonly problem?: { readonly code?: string };
  readonly results?: readonly Answer[];
}
