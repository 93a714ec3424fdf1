import { withDeadline } from '../../../shared/deadline.ts';
import { describeThrown } from '../../../shared/errors.ts';
import type { WorkerLogger } from '../../log.ts';
import type { Broker } from '../connection/broker.ts';

/** A list of all consumers is work for the server, and each host may be asked for its metrics every few seconds. */
const KEEP_MS = 30_000;
const TIMEOUT_MS = 2_000;

/** How far a consumer lags. */
interface ConsumerLag {
  readonly consumer: string;
  /** Messages that no host has. */
  readonly waiting: number;
  /** Messages that hosts have and have not settled. */
  readonly unacked: number;
  /** The unacked messages that were delivered more than once. */
  readonly redelivered: number;
}

type LagBroker = { readonly manager: { readonly consumers: Pick<Broker['manager']['consumers'], 'list'> } };

/** Asks the broker, when somebody wants to know, how far the consumers of a worker group lag. */
export class ConsumerLags {
  readonly #broker: LagBroker;
  readonly #stream: string;
  readonly #names: ReadonlySet<string>;
  readonly #log: Pick<WorkerLogger, 'debug'>;
  #asked: { readonly at: number; readonly answer: Promise<readonly ConsumerLag[]> } | undefined;

  /** @param names the consumers of the worker group */
  constructor(broker: LagBroker, stream: string, names: Iterable<string>, log: Pick<WorkerLogger, 'debug'>) {
    this.#broker = broker;
    this.#stream = stream;
    this.#names = new Set(names);
    this.#log = log;
  }

  /** @returns what the broker said within the last 30 seconds; nothing if it does not say it within two */
  async read(): Promise<readonly ConsumerLag[]> {
    const now = Date.now();
    if (this.#asked === undefined || now - this.#asked.at >= KEEP_MS)
      this.#asked = { at: now, answer: this.#ask() };
    return await this.#asked.answer;
  }

  async #ask(): Promise<readonly ConsumerLag[]> {
    try {
      return await withDeadline(this.#list(), TIMEOUT_MS, () => new Error('no answer in time'));
    } catch (thrown) {
      this.#log.debug(
        { stream: this.#stream, reason: describeThrown(thrown) },
        'the lag of the consumers is not known',
      );
      return [];
    }
  }

  async #list(): Promise<readonly ConsumerLag[]> {
    const lags: ConsumerLag[] = [];
    for await (const info of this.#broker.manager.consumers.list(this.#stream)) {
      if (!this.#names.has(info.name)) continue;
      lags.push({
        consumer: info.name,
        waiting: info.num_pending,
        unacked: info.num_ack_pending,
        redelivered: info.num_redelivered,
      });
    }
    return lags;
  }
}
