import type { StepBudget } from './step-budget.ts';

/** Gives values numbers. Two values have the same number only if they are equal as JSON. Each list and object is read once. */
export class ValueIds {
  readonly #budget: StepBudget;
  readonly #byText = new Map<string, number>();
  readonly #byValue = new Map<object, number>();

  constructor(budget: StepBudget) {
    this.#budget = budget;
  }

  idOf(value: unknown): number {
    // `JSON.stringify` would write a number that is too large for a double as null.
    if (typeof value === 'number') return this.#idOfText(String(value));
    if (typeof value !== 'object' || value === null) return this.#idOfText(JSON.stringify(value));
    const known = this.#byValue.get(value);
    if (known !== undefined) return known;
    const id = this.#idOfText(Array.isArray(value) ? this.#listText(value) : this.#objectText(value));
    this.#byValue.set(value, id);
    return id;
  }

  #listText(list: readonly unknown[]): string {
    return `[${list.map((item) => this.idOf(item)).join()}]`;
  }

  #objectText(object: object): string {
    const entries = Object.entries(object).sort(([a], [b]) => (a < b ? -1 : 1));
    return `{${entries.map(([key, part]) => `${JSON.stringify(key)}:${this.idOf(part)}`).join()}}`;
  }

  #idOfText(text: string): number {
    // Writing the text of a value and looking it up takes longer than judging the value.
    this.#budget.spend(3 + text.length / 64);
    const known = this.#byText.get(text);
    if (known !== undefined) return known;
    this.#byText.set(text, this.#byText.size);
    return this.#byText.size - 1;
  }
}
