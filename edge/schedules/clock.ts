/** The clock of schedules. Tests replace it. */
export interface Clock {
  /** The time in epoch milliseconds. */
  now(): number;
  /** The time on the platform's clock at which this clock shows `at`. Both are in epoch milliseconds. */
  alarmAt(at: number): number;
}

/** The clock of the platform. */
export const SYSTEM_CLOCK: Clock = { now: () => Date.now(), alarmAt: (at) => at };
