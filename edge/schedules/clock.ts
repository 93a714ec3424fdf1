/** The clock of schedules. Tests have one of their own. */
export interface Clock {
  /** The time in epoch milliseconds. */
  now(): number;
  /** When the alarm of the platform must ring, so that this clock then shows `at`. Both in epoch milliseconds. */
  alarmAt(at: number): number;
}

export const SYSTEM_CLOCK: Clock = { now: () => Date.now(), alarmAt: (at) => at };
