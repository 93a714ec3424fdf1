import { RenewedMap } from './renewed-map.ts';

/** A set for members that come and go all the time: see {@link RenewedMap}. */
export class RenewedSet<Member> {
  readonly #members = new RenewedMap<Member, Member>();

  get size(): number {
    return this.#members.size;
  }

  has(member: Member): boolean {
    return this.#members.get(member) !== undefined;
  }

  add(member: Member): void {
    this.#members.set(member, member);
  }

  /** Does nothing if the member is not there. */
  delete(member: Member): void {
    this.#members.delete(member);
  }

  /** The members as they are now, in the order in which they came. */
  values(): Member[] {
    return this.#members.values();
  }
}
