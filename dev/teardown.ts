import { describeThrown } from '../shared/errors.ts';

const DONE = { stop: 'stopped', remove: 'removed', release: 'released' } as const;

interface Step {
  readonly name: string;
  readonly undo: () => Promise<void>;
  readonly verb: keyof typeof DONE;
}

/** Stops what was started, in the reverse order. */
export class Teardown {
  readonly #steps: Step[] = [];
  readonly #onStep: (sentence: string) => void;
  #done: Promise<void> | undefined;

  /** @param onStep takes a sentence about each part that was stopped, or could not be stopped */
  constructor(onStep: (sentence: string) => void) {
    this.#onStep = onStep;
  }

  /** @param verb what `undo` does with the part */
  add(name: string, undo: Step['undo'], verb: Step['verb'] = 'stop'): void {
    this.#steps.push({ name, undo, verb });
  }

  /** Stops everything. Safe to repeat. */
  run(): Promise<void> {
    this.#done ??= this.#undoAll();
    return this.#done;
  }

  async #undoAll(): Promise<void> {
    for (const { name, undo, verb } of this.#steps.reverse()) {
      try {
        await undo();
        this.#onStep(`${DONE[verb]} ${name}`);
      } catch (thrown) {
        this.#onStep(`could not ${verb} ${name}: ${describeThrown(thrown)}`);
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
