import type { Paint } from './terminal.ts';

const LABEL_WIDTH = 11;

/** What a thing is or has: a label and a text that is safe to print. Undefined: it has none. */
export type Fact = readonly [label: string, text: string | undefined];

/** One line for each fact. Facts without a text are left out. */
export function factsText(facts: readonly Fact[], paint: Paint): string {
  return facts
    .filter(([, text]) => text !== undefined)
    .map(([label, text]) => `${paint.dim(label.padEnd(LABEL_WIDTH))}${text}`)
    .join('\n');
}
