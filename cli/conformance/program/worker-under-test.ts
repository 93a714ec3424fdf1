import { randomBytes } from 'node:crypto';
import { EventEmitter } from 'node:events';
import { CONFORMANCE_GROUP } from '../group.ts';
import { Program } from './program.ts';

interface WorkerOptions {
  readonly command: readonly string[];
  readonly environment: Readonly<Record<string, string | undefined>>;
  readonly natsUrl: string;
  readonly httpUrl: string;
  readonly ackWaitMs: number;
  readonly stopTimeoutMs: number;
  readonly onLine: (line: string) => void;
}

/** The worker under test has ended although nobody has told it to. */
export class WorkerLost extends Error {
  readonly lastWords: string;

  constructor({ howItEnded, lastWords }: Program) {
    super(`the worker under test ${howItEnded}`);
    this.lastWords = lastWords;
  }
}

/** The worker under test. It is started again after the cases that end it. */
export class WorkerUnderTest {
  readonly #options: WorkerOptions;
  readonly #id = randomBytes(4).toString('hex');
  #starts = 0;
  /** A case listens while it runs, and many run at a time. */
  readonly #losses = new EventEmitter().setMaxListeners(0);
  #program: Program | undefined;
  /** Why it is wanted no more. */
  #reason: Error | undefined;

  constructor(options: WorkerOptions) {
    this.#options = options;
  }

  /** The `WORKER_NAME`, which is new for each start. */
  get name(): string {
    return `conformance-${this.#id}-${this.#starts}`;
  }

  /** Whether it has to be started before a case. */
  get isGone(): boolean {
    return this.#program?.hasExited !== false;
  }

  get program(): Program {
    if (this.#program === undefined) throw new Error('the worker was not started');
    return this.#program;
  }

  /**
   * @param mayEnd whether it may end by itself, because of what it finds
   * @throws CliError if it cannot be started, or whatever {@link giveUp} was given
   */
  async start({ mayEnd = false }: { readonly mayEnd?: boolean } = {}): Promise<void> {
    this.#expectWanted();
    this.#starts++;
    const { command, onLine, environment } = this.#options;
    const program = await Program.start({
      command,
      onLine,
      environment: { ...environment, ...this.#settings() },
    });
    this.#program = program;
    if (this.#reason !== undefined) await program.kill();
    this.#expectWanted();
    void program.untilGone().then(() => {
      if (!program.wasTold && !mayEnd) this.#losses.emit('lost', program);
    });
  }

  /**
   * Runs `work`, and stops waiting for it when the worker ends although nobody has told it to.
   * @throws WorkerLost then, and whatever `work` throws, or {@link giveUp} was given
   */
  async whileHere(work: () => Promise<void>): Promise<void> {
    this.#expectWanted();
    const { promise, reject } = Promise.withResolvers<never>();
    const onLost = (program: Program): void => reject(new WorkerLost(program));
    this.#losses.once('lost', onLost).once('over', reject);
    const working = work();
    working.catch(() => undefined);
    try {
      await Promise.race([working, promise]);
      const { program } = this;
      if (!program.hasExited || program.wasTold) return;
      await program.untilGone();
      throw new WorkerLost(program);
    } finally {
      this.#losses.off('lost', onLost).off('over', reject);
    }
  }

  async kill(): Promise<void> {
    await this.#program?.kill();
  }

  /** Ends it for good, and whatever waits for it. @param reason what ends those who wait */
  giveUp(reason: Error): void {
    this.#reason = reason;
    this.#losses.emit('over', reason);
    void this.kill();
  }

  #expectWanted(): void {
    if (this.#reason !== undefined) throw this.#reason;
  }

  /** The variables that docs/PROTOCOL.md promises to a worker under test. */
  #settings(): Record<string, string> {
    const { natsUrl, httpUrl, ackWaitMs, stopTimeoutMs } = this.#options;
    return {
      NATS_URL: natsUrl,
      WORKER_GROUP: CONFORMANCE_GROUP,
      WORKER_NAME: this.name,
      WORKER_OPERATIONS: 'conformance.>',
      WORKER_ACK_WAIT_MS: String(ackWaitMs),
      WORKER_CONCURRENCY: '64',
      WORKER_STOP_TIMEOUT_MS: String(stopTimeoutMs),
      HEALTH_PORT: '0',
      BAGGAGE_ALLOW: httpUrl,
      OTEL_EXPORTER_OTLP_ENDPOINT: httpUrl,
      OTEL_SERVICE_NAME: 'conformance-worker',
      OTEL_EXPORTER_OTLP_PROTOCOL: 'http/protobuf',
      OTEL_BSP_SCHEDULE_DELAY: '500',
    };
  }
}
