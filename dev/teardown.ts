import { describeThrown } from '../shared/errors.ts';

/** Stops what was started, in the reverse order. */
export class Teardown {
  readonly #steps: { readonly name: string; readonly undo: () => Promise<void> }[] = [];
  readonly #onStep: (sentence: string) => void;
  #done: Promise<void> | undefined;

  /** @param onStep takes a sentence about each part that was stopped, or could not be stopped */
  constructor(onStep: (sentence: string) => void) {
    this.#onStep = onStep;
  }

  add(name: string, undo: () => Promise<void>): void {
    this.#steps.push({ name, undo });
  }

  /** Stops everything. Safe to repeat. */
  run(): Promise<void> {
    this.#done ??= this.#undoAll();
    return this.#done;
  }

  async #undoAll(): Promise<void> {
    for (const { name, undo } of this.#steps.reverse()) {
      try {
        await undo();
        this.#onStep(`stopped ${name}`);
      } catch (thrown) {
        this.#onStep(`could not stop ${name}: ${describeThrown(thrown)}`);
      }
    }
  }
}

/** Like `Promise.all`, but also waits for the others when one fails: then nothing starts after the teardown. */
export async function allSettled<T extends readonly unknown[] | []>(
  promises: T,
): Promise<{ -readonly [P in keyof T]: Awaited<T[P]> }> {
  await Promise.allSettled(promises);
  return await Promise.all(promises);
}
