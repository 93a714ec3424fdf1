import { CLOCK_TOLERANCE_MS } from '../../../shared/clock.ts';
import { JOBS_STREAM } from '../../../shared/nats/streams.ts';
import type { WorkerLogger } from '../../log.ts';
import type { Broker } from '../connection/broker.ts';

const CHECK_EVERY_MS = 60_000;

type ClockBroker = { readonly manager: { readonly streams: Pick<Broker['manager']['streams'], 'info'> } };

/**
 * Compares the clock of this host with that of NATS: at the start, and then every minute. The times in events, logs
 * and spans depend on it, and the limits of rate: hosts compare each other's times.
 */
export class ClockCheck {
  readonly #broker: ClockBroker;
  readonly #log: WorkerLogger;
  readonly #timer: ReturnType<typeof setInterval>;
  #warning: string | undefined;
  #aheadMs = 0;

  private constructor(broker: ClockBroker, log: WorkerLogger) {
    this.#broker = broker;
    this.#log = log;
    this.#timer = setInterval(() => void this.#check(), CHECK_EVERY_MS).unref();
  }

  /** Checks once, and then again and again. */
  static async start(broker: ClockBroker, log: WorkerLogger): Promise<ClockCheck> {
    const check = new ClockCheck(broker, log);
    await check.#check();
    return check;
  }

  /** What is wrong, as found last; undefined while the clocks agree, or if that cannot be found out. */
  get warning(): string | undefined {
    return this.#warning;
  }

  /** By how many milliseconds this host's clock is ahead of that of NATS (less than 0: behind); 0 while they agree. */
  get aheadMs(): number {
    return this.#aheadMs;
  }

  stop(): void {
    clearInterval(this.#timer);
  }

  async #check(): Promise<void> {
    const differenceMs = await clockDifference(this.#broker);
    if (differenceMs === undefined) return;
    const before = this.#warning;
    this.#warning = clockWarning(differenceMs);
    this.#aheadMs = this.#warning === undefined ? 0 : differenceMs;
    if (this.#warning !== undefined && before === undefined)
      this.#log.warn({ reason: this.#warning }, 'clocks differ');
    if (this.#warning === undefined && before !== undefined) this.#log.info('clocks agree again');
  }
}

/**
 * Asks NATS for its time. The answer to the request for a stream's state holds it, since nats-server 2.10.
 * @returns by how many milliseconds this host's clock is ahead (less than 0: behind), at least: the time that the answer took
 *   does not count; undefined if NATS does not say
 */
export async function clockDifference({ manager }: ClockBroker): Promise<number | undefined> {
  const askedAt = Date.now();
  const { ts } = await manager.streams.info(JOBS_STREAM).catch(() => ({ ts: undefined }));
  const brokerTime = Date.parse(ts ?? '');
  if (Number.isNaN(brokerTime)) return undefined;
  // NATS read its clock at some moment between the question and the answer.
  const ahead = askedAt - brokerTime;
  const behind = brokerTime - Date.now();
  return ahead > 0 ? ahead : Math.min(0, -behind);
}

/** A sentence about clocks that differ too much; undefined if they do not. */
export function clockWarning(differenceMs: number | undefined): string | undefined {
  if (differenceMs === undefined || Math.abs(differenceMs) <= CLOCK_TOLERANCE_MS) return undefined;
  const seconds = Math.round(Math.abs(differenceMs) / 1_000);
  const direction = differenceMs > 0 ? 'ahead of' : 'behind';
  return `the clock of this host is ${seconds} s ${direction} the clock of NATS: one of the two is wrong`;
}
