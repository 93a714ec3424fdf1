import type { Fault } from './report.ts';
import { SENTENCES, type Sentence } from './sentences.ts';

/** Ends a case whose next steps would show nothing. What was wrong is among the findings. */
export class CaseOver extends Error {}

/** Ends a case that the program under test gives nothing to look at. The message says why. */
export class CaseSkipped extends Error {}

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

  /** Ends the case as one that was not run. @param why one sentence */
  skip(why: string): never {
    throw new CaseSkipped(why);
  }

  /** As {@link check}, and ends the case if the sentence does not hold. */
  need(sentence: Sentence, holds: boolean, found: string): void {
    if (!holds) this.fail(sentence, found);
  }
}
