import { headers, type MsgHdrs } from '@nats-io/transport-node';
import type { Broker } from '../../worker-node/broker/connection/broker.ts';
import { JobView } from './broker/job-view.ts';
import { HARNESS_SOURCE, type JobOptions, publishJob } from './broker/queue.ts';
import type { SubmittedJob } from './broker/submitted-job.ts';
import type { Tape } from './broker/tape.ts';
import { CaseOver, type Findings } from './findings.ts';
import type { HttpTarget } from './program/http-target.ts';
import { untilPulled } from './program/until-pulled.ts';
import type { WorkerUnderTest } from './program/worker-under-test.ts';
import type { Sentence } from './sentences.ts';

export interface BenchParts {
  readonly broker: Broker;
  readonly tape: Tape;
  readonly worker: WorkerUnderTest;
  readonly http: HttpTarget;
  readonly ackWaitMs: number;
  readonly stopTimeoutMs: number;
  /** How long the worker may take to ask for jobs after its start, in milliseconds. */
  readonly startTimeoutMs: number;
  /** How long the worker may take for something that needs no ack wait, in milliseconds. */
  readonly patienceMs: number;
}

/** What one case works with. */
export class Bench {
  readonly parts: BenchParts;
  readonly findings: Findings;
  readonly #jobs: SubmittedJob[] = [];
  #isOver = false;

  constructor(parts: BenchParts, findings: Findings) {
    this.parts = parts;
    this.findings = findings;
  }

  get ackWaitMs(): number {
    return this.parts.ackWaitMs;
  }

  /** Enough for whatever needs no ack wait to end. */
  get soonMs(): number {
    return this.parts.patienceMs;
  }

  /** Enough for a message that nobody answers to be delivered again, and for what follows. */
  get laterMs(): number {
    return this.parts.ackWaitMs + this.parts.patienceMs;
  }

  /** Publishes a job as the edge does. */
  readonly submit = async (operation: string, input: unknown, options?: JobOptions): Promise<JobView> => {
    this.#expectUnderWay();
    const job = await publishJob(this.parts.broker, operation, input, options);
    this.#jobs.push(job);
    return new JobView(job, this.parts.broker, this.parts.tape);
  };

  /** Publishes a job, and waits until it has ended. Ends the case if it does not. */
  readonly run = async (
    operation: string,
    input: unknown,
    sentence: Sentence,
    options?: JobOptions,
  ): Promise<JobView> => {
    const view = await this.submit(operation, input, options);
    await this.ended(view, sentence);
    return view;
  };

  /** Waits until the job's end is stored and its message answered. Ends the case if that does not happen. */
  readonly ended = async (view: JobView, sentence: Sentence, ms = this.soonMs): Promise<void> => {
    const hasEnded = await view.untilEnded(ms);
    for (const { body, fault, values } of view.events) {
      const isOwn = (values('ce-source')[0] ?? HARNESS_SOURCE) !== HARNESS_SOURCE;
      this.findings.check(
        'event-body',
        !isOwn || fault === undefined,
        `in ${body.kind} ${body.attempt}: ${fault}`,
      );
    }
    if (hasEnded) return;
    const answers = view.answers.map(({ kind }) => kind).join(', ') || 'no answer';
    const what =
      view.end === undefined ? 'its end was not recorded' : 'its message was not acked or terminated';
    this.findings.fail(sentence, `${what} within ${ms} ms; events: ${view.told}; answers: ${answers}`);
  };

  /** Waits until something about a job holds. Ends the case if it does not. */
  readonly need = async (
    view: JobView,
    sentence: Sentence,
    what: string,
    holds: () => boolean,
    ms = this.soonMs,
  ): Promise<void> => {
    if (await view.until(holds, ms)) return;
    this.findings.fail(sentence, `${what} did not come within ${ms} ms; events: ${view.told}`);
  };

  /** Publishes a message as another program would. @returns its sequence */
  readonly publish = async (
    subject: string,
    body: string,
    pairs: Readonly<Record<string, string>> = {},
  ): Promise<number> => {
    this.#expectUnderWay();
    const message: MsgHdrs = headers();
    for (const [name, value] of Object.entries(pairs)) message.set(name, value);
    const { seq } = await this.parts.broker.jetStream.publish(subject, body, { headers: message });
    return seq;
  };

  /** Starts the worker again. @throws CliError if it does not ask for jobs in time */
  async startWorker(): Promise<void> {
    this.#expectUnderWay();
    await this.parts.worker.start();
    await untilPulled(this.parts);
  }

  /** Takes what is left of the case's jobs out of the queue. A case that is still under way adds nothing any more. */
  async clear(): Promise<void> {
    this.#isOver = true;
    const { streams } = this.parts.broker.manager;
    for (const { sequence } of this.#jobs)
      await streams.deleteMessage('JOBS', sequence).catch(() => undefined);
  }

  /** @throws CaseOver if nobody waits for the case any more */
  #expectUnderWay(): void {
    if (this.#isOver) throw new CaseOver('nobody waits for the case any more');
  }
}
