import { describeThrown } from '../shared/errors.ts';

const DONE = { stop: 'stopped', remove: 'removed', release: 'released' } as const;

interface Step {
  readonly name: string;
  readonly undo: () => Promise<void>;
  readonly verb: keyof typeof DONE;
  /** Resolves when the part has ended by itself. */
  readonly exited?: (() => Promise<unknown>) | undefined;
}

/** Stops what was started, in the reverse order. */
export class Teardown {
  readonly #steps: Step[] = [];
  /** The parts of which somebody was told that they run. */
  readonly #told = new Set<Step>();
  readonly #onStep: (sentence: string) => void;
  #done: Promise<void> | undefined;

  /**
   * @param onStep takes a sentence about each part that runs, that was stopped, or that could not be stopped. It takes none about the
   * end of a part if it was not told that the part runs, or if the part ended before
   */
  constructor(onStep: (sentence: string) => void) {
    this.#onStep = onStep;
  }

  /** @param verb what `undo` does with the part */
  add(name: string, undo: Step['undo'], verb: Step['verb'] = 'stop'): void {
    this.#steps.push({ name, undo, verb });
  }

  /** Adds a program, and says a sentence about it. */
  addRunning(sentence: string, program: Omit<Step, 'verb'>): void {
    const step: Step = { ...program, verb: 'stop' };
    this.#steps.push(step);
    this.#told.add(step);
    this.#onStep(sentence);
  }

  /** Says that everything runs. */
  tellReady(sentence: string): void {
    for (const step of this.#steps) this.#told.add(step);
    this.#onStep(sentence);
  }

  /** Stops everything. Safe to repeat. */
  run(): Promise<void> {
    this.#done ??= this.#undoAll();
    return this.#done;
  }

  async #undoAll(): Promise<void> {
    for (const step of this.#steps.reverse()) {
      const { name, undo, verb, exited } = step;
      const isTold = this.#told.has(step) && !(await isSettled(exited?.()));
      try {
        await undo();
        if (isTold) this.#onStep(`${DONE[verb]} ${name}`);
      } catch (thrown) {
        this.#onStep(`could not ${verb} ${name}: ${describeThrown(thrown)}`);
      }
    }
  }
}

/** Whether a promise has resolved already. */
async function isSettled(promise: Promise<unknown> | undefined): Promise<boolean> {
  if (promise === undefined) return false;
  const later = new Promise<false>((resolve) => {
    setImmediate(resolve, false);
  });
  return await Promise.race([promise.then(() => true), later]);
}

/** Like `Promise.all`, but also waits for the others when one fails: then nothing starts after the teardown. */
export async function allSettled<T extends readonly unknown[] | []>(
  promises: T,
): Promise<{ -readonly [P in keyof T]: Awaited<T[P]> }> {
  await Promise.allSettled(promises);
  return await Promise.all(promises);
}
