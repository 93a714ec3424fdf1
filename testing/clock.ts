import { FakeTimers, REAL } from './fake-timers.ts';

/** The time in which an operation runs. */
export interface Clock {
  /** Milliseconds since 1970. */
  readonly now: () => number;
  /** Lets time go by. */
  readonly pause: (ms: number) => Promise<void>;
  /** Waits for work, while time goes by. */
  readonly during: <T>(work: Promise<T>) => Promise<T>;
  readonly stop: () => void;
}

/** The time of this machine. */
export const REAL_TIME: Clock = {
  now: () => REAL.Date.now(),
  pause: (ms) => new Promise((resolve) => REAL.setTimeout(resolve, ms)),
  during: (work) => work,
  stop: () => undefined,
};

/** Time jumps after the process has waited for nothing but timers for this long. Work of other threads is not seen. */
const QUIET_MS = 5;
/** The first turns of the event loop are quick. Each later one takes a millisecond. */
const QUICK_TURNS = 20;
const TIMERS = ['Timeout', 'Immediate'];

/** The end of the run that has the clock of the process now. */
let inUse: Promise<void> = Promise.resolve();

/**
 * Starts a clock that jumps to the next timer whenever the process waits for nothing else. While the process waits for a file, a
 * socket or a child process, this clock goes as fast as the real one. It replaces the clock of the whole process. So the call
 * waits until no other fake clock is in use.
 */
export async function fakeTime(): Promise<Clock> {
  const earlier = inUse;
  const { promise, resolve } = Promise.withResolvers<void>();
  inUse = earlier.then(() => promise);
  await earlier;
  const timers = new FakeTimers(REAL.Date.now());
  const uninstall = timers.install();
  const before = resources();
  return {
    now: () => timers.now,
    pause: (ms) => timers.advanceTo(timers.now + ms),
    during: async (work) => {
      await advanceDuring(timers, before, work);
      return await work;
    },
    stop: () => {
      uninstall();
      resolve();
    },
  };
}

async function advanceDuring(timers: FakeTimers, before: Resources, work: Promise<unknown>): Promise<void> {
  let isRunning = true;
  const end = (): void => {
    isRunning = false;
  };
  work.then(end, end);
  let last = REAL.now();
  let quietSince = last;
  for (let turn = 0; isRunning; turn++) {
    await nextTurn(turn);
    const now = REAL.now();
    if (isBusy(before)) quietSince = now;
    const isQuiet = now - quietSince >= QUIET_MS && timers.nextAt !== undefined;
    // The timers of the work itself count too, so that its own code may go on before the next jump.
    await timers.advanceTo(isQuiet ? Math.max(timers.nextAt ?? 0, timers.now) : timers.now + (now - last));
    if (isQuiet) quietSince = REAL.now();
    last = REAL.now();
  }
}

function nextTurn(turn: number): Promise<void> {
  return new Promise((resolve) => {
    if (turn < QUICK_TURNS) REAL.setImmediate(() => resolve());
    else REAL.setTimeout(() => resolve(), 1);
  });
}

/** How many of each kind keep the process alive. */
type Resources = Readonly<Record<string, number>>;

function resources(): Resources {
  const counts: Record<string, number> = {};
  for (const kind of process.getActiveResourcesInfo()) counts[kind] = (counts[kind] ?? 0) + 1;
  return counts;
}

/** Whether the process waits for more than before, besides timers. */
function isBusy(before: Resources): boolean {
  return Object.entries(resources()).some(
    ([kind, count]) => !TIMERS.includes(kind) && count > (before[kind] ?? 0),
  );
}
