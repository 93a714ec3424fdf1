import { setTimeout as delay } from 'node:timers/promises';
import { onTestFinished } from 'vitest';
import { ThroughlineClient } from '../../../client/index.ts';
import type { EdgeBundle } from '../../../dev/edge/bundle.ts';
import { scratchFolder } from '../../support/cleanup.ts';
import { setClock } from '../../support/http/clocked-edge.ts';
import { until } from '../../support/poll.ts';
import { type Caller, tenants } from '../../support/tenants.ts';
import type { Dice } from './dice.ts';
import { EdgeProcess } from './edge-process.ts';

const MINUTE_MS = 60_000;
const STEP_TIMEOUT_MS = 120_000;
/** An edge that is to be killed lives for at most so long after its clock was set. */
const LAST_MS = 400;

/** A schedule of every so many minutes, from the hour on. */
export interface MinuteSchedule {
  readonly name: string;
  readonly everyMinutes: number;
}

export interface ScheduledEdgeOptions {
  readonly tenant: string;
  readonly schedules: readonly MinuteSchedule[];
  /** The time at which the schedules are made, in epoch milliseconds. */
  readonly from: number;
  readonly natsUrl: string;
  readonly bundle: EdgeBundle;
}

/** An edge with schedules and a clock that the test sets. It can be killed. It ends with the test. */
export class ScheduledEdge {
  readonly #options: ScheduledEdgeOptions;
  readonly #edge: EdgeProcess;
  readonly #caller: Caller;
  #isDown = false;
  /** How often it was killed. */
  kills = 0;

  /** Starts an edge, and makes the schedules. */
  static async start(options: ScheduledEdgeOptions): Promise<ScheduledEdge> {
    const { bundle, natsUrl, tenant, from } = options;
    const { callers, API_KEYS } = await tenants(tenant);
    const quotas = { TENANT_MAX_JOBS: '10000000', TENANT_MAX_BYTES: '100000000000' };
    const edge = new EdgeProcess({
      bundle,
      port: 0,
      storageDir: await scratchFolder(),
      onLog: () => undefined,
      bindings: { API_KEYS, NATS_URL: natsUrl, LOG_LEVEL: 'error', ...quotas },
    });
    onTestFinished(() => edge.stop());
    await edge.start();
    const scheduled = new ScheduledEdge(options, edge, callers[tenant] as Caller);
    await setClock(edge.url, tenant, from);
    await scheduled.#makeSchedules();
    return scheduled;
  }

  private constructor(options: ScheduledEdgeOptions, edge: EdgeProcess, caller: Caller) {
    this.#options = options;
    this.#edge = edge;
    this.#caller = caller;
  }

  /** Starts the edge if it is down, sets its clock, and waits until each run up to then is decided. */
  async bringTo(clock: number): Promise<void> {
    if (this.#isDown) await this.#edge.start();
    this.#isDown = false;
    await until(
      `the runs until ${new Date(clock).toISOString()}`,
      async () => {
        await setClock(this.#edge.url, this.#options.tenant, clock);
        const decided = await Promise.all(this.#options.schedules.map((one) => this.#isDecided(one, clock)));
        return decided.every(Boolean);
      },
      STEP_TIMEOUT_MS,
    );
  }

  /** Sets the clock, and kills the edge soon after. It starts again at once, or with the next call. */
  async dieAt(clock: number, dice: Dice): Promise<void> {
    const afterMs = dice.between(0, LAST_MS);
    const staysDown = !this.#isDown && dice.between(0, 1) === 1;
    if (this.#isDown) await this.#edge.start();
    const living = setClock(this.#edge.url, this.#options.tenant, clock).catch(() => undefined);
    await delay(afterMs);
    await this.#edge.kill('SIGKILL');
    await living;
    this.kills++;
    this.#isDown = true;
    if (!staysDown) await this.bringTo(clock);
  }

  async #makeSchedules(): Promise<void> {
    for (const { name, everyMinutes } of this.#options.schedules) {
      const times = { cron: `*/${everyMinutes} * * * *`, catchUp: 'all' } as const;
      await this.#schedules.put(name, { operation: 'echo', input: null, ...times });
    }
  }

  async #isDecided({ name, everyMinutes }: MinuteSchedule, clock: number): Promise<boolean> {
    const step = everyMinutes * MINUTE_MS;
    const last = clock - ((clock - this.#options.from) % step);
    const { lastRuns } = await this.#schedules.get(name);
    return last === this.#options.from || lastRuns[0]?.scheduledFor === new Date(last).toISOString();
  }

  get #schedules(): ThroughlineClient['schedules'] {
    return new ThroughlineClient({ url: this.#edge.url, apiKey: this.#caller.key }).schedules;
  }
}
