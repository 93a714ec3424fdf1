import type { Fault } from './report.ts';
import { SENTENCES, type Sentence } from './sentences.ts';

/** Ends a case whose next steps would show nothing. What was wrong is among the findings. */
export class CaseOver extends Error {}

/** Collects what is wrong in one case. */
export class Findings {
  readonly #faults: Fault[] = [];

  get faults(): readonly Fault[] {
    return this.#faults;
  }

  /** Notes that a sentence does not hold, unless `holds`. The same fault is noted once. */
  check(sentence: Sentence, holds: boolean, found: string): void {
    if (holds || this.#faults.some((fault) => fault.sentence === sentence && fault.found === found)) return;
    this.#faults.push({ sentence, says: SENTENCES[sentence], found });
  }

  /** Notes that a sentence does not hold, and ends the case. */
  fail(sentence: Sentence, found: string): never {
    this.check(sentence, false, found);
    throw new CaseOver(found);
  }

  /** As {@link check}, and ends the case if the sentence does not hold. */
  need(sentence: Sentence, holds: boolean, found: string): void {
    if (!holds) this.fail(sentence, found);
  }
}
