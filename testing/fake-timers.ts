/** Timers and a `Date` that a fake clock puts in the place of the platform's. */
import { createRequire, syncBuiltinESMExports } from 'node:module';
import { promisify } from 'node:util';

// The modules themselves: an `import` gives a namespace that cannot be changed.
const require = createRequire(import.meta.url);
const timersModule = require('node:timers') as Record<string, unknown>;
const promisesModule = require('node:timers/promises') as Record<string, unknown>;

/** The platform's own, before anything replaced them. */
export const REAL = {
  setTimeout: globalThis.setTimeout,
  clearTimeout: globalThis.clearTimeout,
  setImmediate: globalThis.setImmediate,
  now: performance.now.bind(performance),
  Date: globalThis.Date,
} as const;

type Callback = (...args: unknown[]) => void;

interface Entry {
  readonly run: () => void;
  /** Milliseconds of the clock. */
  at: number;
  /** Of an interval: its period. */
  readonly everyMs: number | undefined;
  readonly timer: FakeTimer;
}

/** A timer as Node's `Timeout`, so that code which calls `unref` or `refresh` works. */
class FakeTimer {
  readonly #timers: FakeTimers;
  readonly #start: () => void;
  #isRefed = true;

  constructor(timers: FakeTimers, start: (timer: FakeTimer) => void) {
    this.#timers = timers;
    this.#start = () => start(this);
    this.#start();
  }

  ref(): this {
    this.#isRefed = true;
    return this;
  }

  unref(): this {
    this.#isRefed = false;
    return this;
  }

  hasRef(): boolean {
    return this.#isRefed;
  }

  refresh(): this {
    this.#timers.clear(this);
    this.#start();
    return this;
  }

  close(): this {
    this.#timers.clear(this);
    return this;
  }

  [Symbol.dispose](): void {
    this.close();
  }
}

/** Timers that run when {@link advanceTo} says that it is their time. */
export class FakeTimers {
  #now: number;
  #isOver = false;
  readonly #entries = new Set<Entry>();

  constructor(now: number) {
    this.#now = now;
  }

  /** Milliseconds since 1970 on this clock. */
  get now(): number {
    return this.#now;
  }

  /** When the next timer runs; undefined if there is none. */
  get nextAt(): number | undefined {
    const times = [...this.#entries].map(({ at }) => at);
    return times.length === 0 ? undefined : Math.min(...times);
  }

  /** Starts a timer, or an interval. @param ms what `setTimeout` was given; 1 if that is not a number */
  start(callback: Callback, ms: unknown, args: unknown[], isInterval: boolean): FakeTimer {
    const delayMs = Math.max(1, Number(ms) || 0);
    return new FakeTimer(this, (timer) => {
      const run = (): void => callback(...args);
      // Code that outlives the run gets timers of the platform.
      if (this.#isOver) REAL.setTimeout(run, delayMs).unref();
      else
        this.#entries.add({ run, at: this.#now + delayMs, everyMs: isInterval ? delayMs : undefined, timer });
    });
  }

  /** Ends a timer, or an interval. */
  clear(timer: unknown): void {
    // A timer of the platform: it was started before the fake ones were installed.
    if (!(timer instanceof FakeTimer)) REAL.clearTimeout(timer as NodeJS.Timeout);
    for (const entry of this.#entries) if (entry.timer === timer) this.#entries.delete(entry);
  }

  /** Runs the timers that are due until then, in order. Between two of them, promises go on. */
  async advanceTo(time: number): Promise<void> {
    for (;;) {
      const next = [...this.#entries].toSorted((a, b) => a.at - b.at)[0];
      if (next === undefined || next.at > time) break;
      this.#now = Math.max(this.#now, next.at);
      if (next.everyMs === undefined) this.#entries.delete(next);
      else next.at += next.everyMs;
      next.run();
      await new Promise((resolve) => REAL.setImmediate(resolve));
    }
    this.#now = Math.max(this.#now, time);
  }

  /** Puts these timers and this clock in the place of the platform's. @returns what puts the platform's back */
  install(): () => void {
    const undo = [
      ...this.#replaceGlobals(),
      replaceIn(timersModule, this.#timerFunctions()),
      replaceIn(promisesModule, this.#promiseFunctions()),
    ];
    syncBuiltinESMExports();
    return () => {
      for (const put of undo) put();
      syncBuiltinESMExports();
      this.#isOver = true;
      for (const { run, at } of this.#entries) REAL.setTimeout(run, at - this.#now).unref();
      this.#entries.clear();
    };
  }

  #timerFunctions(): Record<string, unknown> {
    const clear = (timer: unknown): void => this.clear(timer);
    return {
      setTimeout: Object.assign(
        (callback: Callback, ms?: number, ...args: unknown[]) => this.start(callback, ms, args, false),
        { [promisify.custom]: this.#promiseFunctions().setTimeout },
      ),
      setInterval: (callback: Callback, ms?: number, ...args: unknown[]) =>
        this.start(callback, ms, args, true),
      clearTimeout: clear,
      clearInterval: clear,
    };
  }

  #promiseFunctions(): Record<string, unknown> {
    const wait = async <T>(ms?: number, value?: T, { signal }: { signal?: AbortSignal } = {}): Promise<T> => {
      signal?.throwIfAborted();
      const { promise, resolve, reject } = Promise.withResolvers<T>();
      const timer = this.start(() => resolve(value as T), ms, [], false);
      signal?.addEventListener('abort', () => reject(signal.reason), { once: true });
      return await promise.finally(() => timer.close());
    };
    async function* ticks<T>(ms?: number, value?: T, options?: { signal?: AbortSignal }): AsyncGenerator<T> {
      for (;;) yield await wait(ms, value as T, options);
    }
    return { setTimeout: wait, setInterval: ticks };
  }

  #replaceGlobals(): (() => void)[] {
    const now = (): number => this.#now;
    const began = this.#now - REAL.now();
    return [
      replaceIn(globalThis, { ...this.#timerFunctions(), Date: dateOf(now) }),
      replaceIn(performance, { now: () => this.#now - began }),
      replaceIn(AbortSignal, { timeout: (ms: number) => this.#signalAfter(ms) }),
    ];
  }

  #signalAfter(ms: number): AbortSignal {
    const controller = new AbortController();
    const abort = (): void => controller.abort(new DOMException('The operation timed out', 'TimeoutError'));
    this.start(abort, ms, [], false).unref();
    return controller.signal;
  }
}

/** `Date`, which without arguments is the time of the clock. */
function dateOf(now: () => number): DateConstructor {
  return new Proxy(REAL.Date, {
    construct: (target, args: unknown[], newTarget) =>
      Reflect.construct(target, args.length === 0 ? [now()] : args, newTarget),
    apply: () => new REAL.Date(now()).toString(),
    get: (target, key) => (key === 'now' ? now : Reflect.get(target, key)),
  });
}

function replaceIn(place: object, parts: Readonly<Record<string, unknown>>): () => void {
  const before = Object.keys(parts).map(
    (name) => [name, Object.getOwnPropertyDescriptor(place, name)] as const,
  );
  for (const [name, value] of Object.entries(parts))
    Object.defineProperty(place, name, { value, writable: true, configurable: true, enumerable: true });
  return () => {
    for (const [name, descriptor] of before) {
      if (descriptor === undefined) Reflect.deleteProperty(place, name);
      else Object.defineProperty(place, name, descriptor);
    }
  };
}
