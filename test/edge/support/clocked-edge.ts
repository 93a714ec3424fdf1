/**
 * The edge with schedules whose clock a test sets: `POST /clock {"tenant":"acme","now":<epoch milliseconds>}`. All else is
 * as in a deployment, and goes by the real time.
 */

import type { Env } from '../../../edge/config.ts';
import edge from '../../../edge/main.ts';
import type { Clock } from '../../../edge/schedules/clock.ts';
import { Schedules as SchedulesObject } from '../../../edge/schedules/schedules.ts';

export { Bridge, JobIndex } from '../../../edge/main.ts';

const DAY_MS = 86_400_000;

/** A clock that stands still until it is set. It survives the end of the process. */
class SetClock implements Clock {
  readonly #sql: SqlStorage;

  constructor(sql: SqlStorage) {
    this.#sql = sql;
    sql.exec('CREATE TABLE IF NOT EXISTS test_clock (id INTEGER PRIMARY KEY, now INTEGER NOT NULL)');
  }

  now(): number {
    const rows = this.#sql.exec<{ now: number }>('SELECT now FROM test_clock').toArray();
    return rows[0]?.now ?? 0;
  }

  set(now: number): void {
    this.#sql.exec('INSERT OR REPLACE INTO test_clock (id, now) VALUES (1, ?)', now);
  }

  /** What is due rings at once, and all else not before the clock is set again. */
  alarmAt(at: number): number {
    return at <= this.now() ? Date.now() : Date.now() + DAY_MS;
  }
}

export class Schedules extends SchedulesObject {
  readonly #clock: SetClock;

  constructor(state: DurableObjectState, env: Env) {
    const clock = new SetClock(state.storage.sql);
    super(state, env, clock);
    this.#clock = clock;
  }

  /** Sets the clock, and makes the runs that are due then, as far as one alarm does. */
  async setClock(now: number): Promise<void> {
    this.#clock.set(now);
    await this.alarm();
  }
}

export default {
  async fetch(request, env, ctx) {
    if (new URL(request.url).pathname !== '/clock') return await edge.fetch(request, env, ctx);
    const { tenant, now } = await request.json<{ tenant: string; now: number }>();
    const schedules = env.SCHEDULES as unknown as DurableObjectNamespace<Schedules>;
    await schedules.getByName(tenant).setClock(now);
    return new Response(null, { status: 204 });
  },
} satisfies ExportedHandler<Env>;
