/**
 * Takes turns by weight (stride scheduling). Each member has a pass, which grows by the inverse of its weight at each turn.
 * The member with the lowest pass is next. A member that had nothing to do does not save up turns.
 */
export class Turns<Member extends object | string> {
  readonly #weightOf: (member: Member) => number;
  readonly #passes = new Map<Member, number>();
  #now = 0;

  /** @param weightOf how many turns a member has, compared with the others: a number above 0 */
  constructor(weightOf: (member: Member) => number) {
    this.#weightOf = weightOf;
  }

  /** Returns the member whose turn it is; undefined if there is none. */
  next(members: readonly Member[]): Member | undefined {
    const [first, ...rest] = members;
    if (first === undefined) return undefined;
    let best = first;
    for (const member of rest) if (this.#passOf(member) < this.#passOf(best)) best = member;
    this.#now = this.#passOf(best);
    this.#passes.set(best, this.#now + 1 / this.#weightOf(best));
    return best;
  }

  #passOf(member: Member): number {
    return Math.max(this.#passes.get(member) ?? 0, this.#now);
  }
}
